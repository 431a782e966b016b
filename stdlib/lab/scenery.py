"""What is drawn once and cropped many times: backdrops of the scenes, masks of the patterns, noise."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .rng import Rng

MARGIN: int = 48  # a backdrop is this much wider than the canvas it is cropped to
SIDE: int = 128 + MARGIN

Colour = tuple[int, int, int]
Draw = ImageDraw.ImageDraw

_PER_SCENE, _PER_PATTERN, _NOISES = 20, 16, 16
_SHADES: dict[str, tuple[Colour, Colour]] = {  # top and bottom of the gradient
    "sky": ((112, 178, 238), (190, 222, 250)),
    "night": ((10, 12, 40), (34, 36, 84)),
    "snow": ((214, 226, 240), (250, 252, 255)),
    "sand": ((226, 198, 140), (206, 172, 108)),
    "grass": ((92, 168, 70), (58, 126, 48)),
    "water": ((58, 132, 190), (24, 84, 150)),
    "road": ((104, 104, 110), (104, 104, 110)),
    "brick": ((196, 184, 170), (196, 184, 170)),
}


def _jitter(rng: Rng, colour: Colour, sd: float) -> Colour:
    r, g, b = (min(max(v + round(rng.normal(0.0, sd)), 0), 255) for v in colour)
    return r, g, b


def _disc(draw: Draw, x: int, y: int, rx: int, ry: int, fill: Colour) -> None:
    draw.polygon(_arc(x, y, rx, ry, 0, 330, 11), fill=fill)


def _arc(x: int, y: int, rx: int, ry: int, start: int, stop: int, steps: int) -> list[tuple[int, int]]:
    angles = [math.radians(start + (stop - start) * i / steps) for i in range(steps + 1)]
    return [(x + round(rx * math.cos(a)), y + round(ry * math.sin(a))) for a in angles]


def _ripple(draw: Draw, x: int, y: int, rx: int, ry: int, fill: Colour) -> None:
    """A crescent two to three pixels thick, open at the bottom."""
    draw.polygon(_arc(x, y, rx, ry, 195, 345, 10) + _arc(x, y + 3, rx, ry, 345, 195, 10), fill=fill)


def _sky(draw: Draw, rng: Rng) -> None:
    for _ in range(6):
        x, y, s = rng.below(SIDE), rng.below(SIDE), rng.between(10, 20)
        for k in range(4):
            _disc(draw, x + k * s * 7 // 10, y, s, s * rng.between(4, 7) // 10, (248, 250, 254))


def _night(draw: Draw, rng: Rng) -> None:
    for _ in range(60):
        x, y, s = rng.below(SIDE), rng.below(SIDE), rng.between(0, 3)
        draw.rectangle((x, y, x + s, y + s), fill=(250, 248, 210))
    for left, right in ((10, 40), (SIDE - 60, SIDE - 20)):
        x, y = rng.between(left, right), rng.between(10, 40)
        _disc(draw, x, y, 15, 15, (246, 240, 190))
        _disc(draw, x + 6, y - 5, 14, 14, (14, 16, 46))


def _grass(draw: Draw, rng: Rng) -> None:
    for _ in range(420):
        x, y, h, lean = rng.below(SIDE), rng.below(SIDE), rng.between(6, 14), rng.between(-4, 4)
        fill = _jitter(rng, (40, 110, 34) if rng.chance(0.5) else (136, 204, 92), 8.0)
        draw.polygon([(x, y), (x + 1, y), (x + 1 + lean, y - h), (x + lean, y - h)], fill=fill)


def _water(draw: Draw, rng: Rng) -> None:
    for y in range(0, SIDE + 12, 13):
        shift = rng.below(30)
        for x in range(-30, SIDE + 30, 30):
            _ripple(draw, x + shift, y, 14, 7, (150, 206, 240))


def _sand(draw: Draw, rng: Rng) -> None:
    for _ in range(500):
        x, y, s = rng.below(SIDE), rng.below(SIDE), rng.between(0, 2)
        fill = _jitter(rng, (170, 134, 78) if rng.chance(0.6) else (246, 226, 176), 8.0)
        draw.rectangle((x, y, x + s, y + s), fill=fill)
    for _ in range(7):
        _ripple(draw, rng.between(0, SIDE), rng.below(SIDE), rng.between(30, 70), 13, (178, 142, 84))


def _snow(draw: Draw, rng: Rng) -> None:
    for _ in range(5):
        x, y, s = rng.between(-20, SIDE), rng.below(SIDE), rng.between(24, 60)
        _disc(draw, x, y, s, s * 3 // 10, (196, 212, 234))
    for _ in range(60):
        x, y, s = rng.below(SIDE), rng.below(SIDE), rng.between(2, 4)
        fill = (255, 255, 255) if rng.chance(0.5) else (150, 178, 218)
        for dx, dy in ((s, 0), (s // 2, s), (s // 2, -s)):
            draw.line((x - dx, y - dy, x + dx, y + dy), fill=fill)


def _road(draw: Draw, rng: Rng) -> None:
    for _ in range(300):
        x, y = rng.below(SIDE), rng.below(SIDE)
        fill = _jitter(rng, (84, 84, 90) if rng.chance(0.5) else (128, 128, 134), 5.0)
        draw.rectangle((x, y, x + 1, y + 1), fill=fill)
    for top, bottom in ((20, 50), (120, 160)):
        y = rng.between(top, bottom)
        for x in range(rng.between(-20, 0), SIDE, 44):
            draw.rectangle((x, y, x + 26, y + 6), fill=(240, 232, 200))


def _brick(draw: Draw, rng: Rng) -> None:
    for row, y in enumerate(range(0, SIDE, 15)):
        for x in range(-30 + row % 2 * 15, SIDE, 30):
            draw.rectangle((x + 1, y + 1, x + 27, y + 12), fill=_jitter(rng, (158, 82, 60), 10.0))


_PAINTERS = {"sky": _sky, "night": _night, "grass": _grass, "water": _water, "sand": _sand, "snow": _snow,
             "road": _road, "brick": _brick}  # fmt: skip


def _backdrop(scene: str, rng: Rng) -> Image.Image:
    top, bottom = (np.array(_jitter(rng, colour, 10.0)) for colour in _SHADES[scene])
    rows = np.arange(SIDE)[:, None]
    gradient = (top * (SIDE - 1 - rows) + bottom * rows) // (SIDE - 1)
    pixels = np.broadcast_to(gradient[:, None], (SIDE, SIDE, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    _PAINTERS[scene](ImageDraw.Draw(image), rng)
    return image


@cache
def backdrops(scene: str) -> tuple[Image.Image, ...]:
    """The RGB backdrops of a scene, each SIDE x SIDE. Raises KeyError for an unknown scene."""
    return tuple(_backdrop(scene, Rng("backdrop", scene, i)) for i in range(_PER_SCENE))


def _pattern(pattern: str, rng: Rng) -> Image.Image:
    side = 256
    along = np.arange(side, dtype=np.int64) * 4096
    if pattern == "checkered":
        # Cells stay parallel to the axes: turned ones were mistaken for stripes at 64 px.
        cell = rng.between(10 * 4096, 13 * 4096)
        odd = along // cell % 2 == 1
        inked = odd[:, None] ^ odd[None, :]
    else:
        angle = rng.uniform(0.0, math.pi) if pattern == "striped" else rng.uniform(0.0, 0.5)
        c, s = round(math.cos(angle) * 4096), round(math.sin(angle) * 4096)
        grid = np.arange(side, dtype=np.int64)
        u = grid[None, :] * c + grid[:, None] * s
        v = grid[:, None] * c - grid[None, :] * s
        if pattern == "striped":
            period = rng.between(15 * 4096, 19 * 4096)
            inked = u % period < period // 2
        else:
            period = rng.between(14 * 4096, 17 * 4096)
            u = (u + v // period % 2 * (period // 2)) % period - period // 2
            v = v % period - period // 2
            inked = u * u + v * v < (period * 31 // 100) ** 2
    return Image.fromarray(inked.astype(np.uint8) * 255)


@cache
def patterns(pattern: str) -> tuple[Image.Image, ...]:
    """Masks 256 x 256 ('L', 0 or 255) of where a pattern inks the body."""
    return tuple(_pattern(pattern, Rng("pattern", pattern, i)) for i in range(_PER_PATTERN))


@cache
def noises() -> tuple[NDArray[np.int16], ...]:
    """Integer noise [64, 64, 3], standard deviation 5."""

    def draw(i: int) -> NDArray[np.int16]:
        rng = Rng("noise", i)
        values = [round(rng.normal(0.0, 5.0)) for _ in range(64 * 64 * 3)]
        return np.array(values, np.int16).reshape(64, 64, 3)

    return tuple(draw(i) for i in range(_NOISES))
