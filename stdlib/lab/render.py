"""Scene -> pixels. Everything is drawn at 128 px with integer coordinates and averaged to 64 px, so that the pixels
are the same everywhere (a test pins their digest). Needs Pillow 11.2.1: up to 11.1 its polygons had spurs at sharp
corners."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from .art import EXTRA_ART, GRID, OBJECT_ART, PALETTE, Art, parse_art
from .rng import Rng
from .scenery import MARGIN, backdrops, noises, patterns
from .world import COLOURS, Scene

RENDERER_VERSION: int = 1  # raised whenever any pixel changes; part of every key that depends on pixels
SIZE: int = 64
CANVAS: int = 2 * SIZE

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]
Mask = NDArray[np.bool_]
Pixels = NDArray[np.uint8]

_OUTLINE: Colour = (38, 34, 40)
_SHIFT = 12  # pose matrices have this many fractional bits


@cache
def _art(name: str) -> Art:
    return parse_art({**OBJECT_ART, **EXTRA_ART}[name])


def _shade(colour: Colour, percent: int) -> Colour:
    """Below 100 darker, above 100 towards white."""
    if percent <= 100:
        r, g, b = (v * percent // 100 for v in colour)
    else:
        r, g, b = (v + (255 - v) * (percent - 100) // 100 for v in colour)
    return r, g, b


def _pose(art: Art, x: int, y: int, half: float, rotation: float, flip: bool) -> NDArray[np.int64]:
    """Vertices [vertices, 2] on the canvas; half: half the side of the art's box in canvas pixels."""
    c = round(math.cos(math.radians(rotation)) * half * (1 << _SHIFT))
    s = round(math.sin(math.radians(rotation)) * half * (1 << _SHIFT))
    matrix = np.array([[-c, -s], [-s, c]] if flip else [[c, s], [-s, c]], np.int64)
    offset = np.array([x, y], np.int64) * (GRID << _SHIFT) + (GRID << _SHIFT) // 2
    return (art.vertices @ matrix + offset) // (GRID << _SHIFT)


def _pose_of(scene: Scene) -> NDArray[np.int64]:
    half = scene.scale * CANVAS / 2
    reach = min(half * 0.92, CANVAS / 2)  # nearly all of the object stays inside the image
    x, y = (round(min(max(v * CANVAS, reach), CANVAS - reach)) for v in (scene.x, scene.y))
    return _pose(_art(scene.object), x, y, half, scene.rotation, scene.flip)


def _polygons(art: Art, vertices: NDArray[np.int64]) -> list[list[tuple[int, int]]]:
    points = [(x, y) for x, y in vertices.tolist()]
    return [points[a:b] for a, b in zip(art.cuts[:-1], art.cuts[1:], strict=True)]


def _silhouette(polygons: list[list[tuple[int, int]]]) -> Mask:
    """The union of the polygons, one canvas pixel fatter on each side."""
    flat = Image.new("L", (CANVAS, CANVAS), 0)
    draw = ImageDraw.Draw(flat)
    for polygon in polygons:
        draw.polygon(polygon, fill=255, outline=255)
    core = np.asarray(flat) > 0
    fat = core.copy()
    fat[1:] |= core[:-1]
    fat[:-1] |= core[1:]
    fat[:, 1:] |= core[:, :-1]
    fat[:, :-1] |= core[:, 1:]
    return fat


def _draw(
    image: Image.Image, art: Art, vertices: NDArray[np.int64], colour: Colour, pattern: Image.Image | None = None
) -> Mask:
    polygons = _polygons(art, vertices)
    fat = _silhouette(polygons)
    image.paste(_OUTLINE, mask=Image.fromarray(fat.view(np.uint8) * 255))
    draw = ImageDraw.Draw(image)
    fills = {**PALETTE, "D": _shade(colour, 58), "L": _shade(colour, 150)}
    ink = _shade(colour, 34) if sum(colour) > 330 else _shade(colour, 172)
    i = 0
    while i < len(polygons):
        if art.roles[i] != "B":
            draw.polygon(polygons[i], fill=fills[art.roles[i]])
            i += 1
            continue
        body = Image.new("L", (CANVAS, CANVAS), 0)
        part = ImageDraw.Draw(body)
        while i < len(polygons) and art.roles[i] == "B":
            part.polygon(polygons[i], fill=255)
            i += 1
        image.paste(colour, mask=body)
        if pattern is not None:
            image.paste(ink, mask=ImageChops.multiply(body, pattern))
    return fat


def _draw_extra(image: Image.Image, extra: str, rng: Rng) -> Mask:
    art = _art(extra)
    half, x, y = (23, 26, 14) if extra == "text" else (13, 17, 17)
    x = x if rng.chance(0.5) else CANVAS - x
    y = y if rng.chance(0.5) else CANVAS - y
    rotation = 0.0 if extra == "text" else rng.normal(0.0, 12.0)
    return _draw(image, art, _pose(art, x, y, half, rotation, False), (200, 200, 200))


def _average(canvas: Pixels) -> NDArray[np.int16]:
    """Mean of 2 x 2 pixels, rounded half up: [128, 128, 3] -> [64, 64, 3]."""
    wide = canvas.astype(np.int16)
    return (wide[0::2, 0::2] + wide[0::2, 1::2] + wide[1::2, 0::2] + wide[1::2, 1::2] + 2) >> 2


def _painted(scene: Scene) -> tuple[Image.Image, Mask, Mask, Rng]:
    """The canvas, where the object and the extra are drawn on it, and the draws that are left."""
    rng = Rng("render", scene.seed)
    backdrop = rng.choice(backdrops(scene.scene))
    x, y = rng.below(MARGIN), rng.below(MARGIN)
    image = backdrop.crop((x, y, x + CANVAS, y + CANVAS))
    pattern = None
    if scene.pattern != "plain":
        whole = rng.choice(patterns(scene.pattern))
        x, y = rng.below(CANVAS), rng.below(CANVAS)
        pattern = whole.crop((x, y, x + CANVAS, y + CANVAS))
    r, g, b = (min(max(v + round(rng.normal(0.0, 8.0)), 0), 255) for v in COLOURS[scene.colour])
    fat = _draw(image, _art(scene.object), _pose_of(scene), (r, g, b), pattern)
    extra = np.zeros_like(fat) if scene.extra == "none" else _draw_extra(image, scene.extra, rng)
    return image, fat, extra, rng


def render(scene: Scene) -> tuple[Pixels, Mask]:
    """Scene -> (uint8 [64, 64, 3] RGB, bool [64, 64] mask of the object, with its outline, as if nothing hid it)."""
    image, fat, _, rng = _painted(scene)
    brightness = rng.between(220, 276)  # in 1/256: .86 to 1.08
    pixels = (_average(np.asarray(image)).astype(np.int32) * brightness >> 8) + rng.choice(noises())
    return np.clip(pixels, 0, 255).astype(np.uint8), _any_of_four(fat)


def regions(scene: Scene) -> tuple[Mask, Mask]:
    """Where the object is seen and where the extra is, both bool [64, 64] and apart: the extra lies in front. What is
    in neither is the backdrop."""
    _, fat, extra, _ = _painted(scene)
    front = _any_of_four(extra)
    return _any_of_four(fat) & ~front, front


def _any_of_four(canvas: Mask) -> Mask:
    return canvas[0::2, 0::2] | canvas[0::2, 1::2] | canvas[1::2, 0::2] | canvas[1::2, 1::2]


def box(scene: Scene) -> Box:
    """The object's box (x0, y0, x1, y1), half-open, in pixels of the image; equal to `mask_box` of the rendered mask
    but found without drawing the scene."""
    vertices = _pose_of(scene)
    x0, y0 = (vertices.min(0) - 1).tolist()
    x1, y1 = (vertices.max(0) + 1).tolist()
    if min(x0, y0) < 0 or max(x1, y1) >= CANVAS:  # cut off: the farthest vertex may not be the farthest visible pixel
        return mask_box(_any_of_four(_silhouette(_polygons(_art(scene.object), vertices))))
    return x0 // 2, y0 // 2, x1 // 2 + 1, y1 // 2 + 1


def mask_box(mask: Mask) -> Box:
    """The box (x0, y0, x1, y1), half-open, of the true pixels of a mask [height, width]. Raises ValueError if none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        raise ValueError("an empty mask has no box")
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
