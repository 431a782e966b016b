"""The renderer: pixels that are the same everywhere, masks and boxes that fit."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from clq.stdlib.lab.data import LabImages, draw_scenes
from clq.stdlib.lab.render import RENDERER_VERSION, box, mask_box, render
from clq.stdlib.lab.rng import Rng
from clq.stdlib.lab.scenery import patterns
from clq.stdlib.lab.world import COLOURS, EXTRAS, OBJECTS, PATTERNS, SCENES, Scene, sample_scene

PIXELS_DIGEST = "e3c39160f254f12aa3b0cc88c56c0791245e5adc538f3b3935ab0350eb72b597"
PINNED_VERSION = 1


def covering_scenes() -> list[Scene]:
    """64 scenes that show every object, colour, pattern, scene and extra."""
    rng = Rng("covering")
    return [
        sample_scene(rng, object=OBJECTS[i % 33], colour=list(COLOURS)[i % 8], pattern=PATTERNS[i // 8 % 4],
                     scene=SCENES[(i + i // 8) % 8], extra=EXTRAS[i % 5])
        for i in range(64)
    ]  # fmt: skip


def test_pixels_are_pinned() -> None:
    """If this fails because drawing was changed on purpose, raise RENDERER_VERSION with it."""
    images = np.stack([render(scene)[0] for scene in covering_scenes()])
    assert (hashlib.sha256(images.tobytes()).hexdigest(), RENDERER_VERSION) == (PIXELS_DIGEST, PINNED_VERSION)


def test_image_and_mask_have_the_stated_types() -> None:
    image, mask = render(covering_scenes()[0])
    assert image.shape == (64, 64, 3) and image.dtype == np.uint8
    assert mask.shape == (64, 64) and mask.dtype == np.bool_
    assert 0.02 < mask.mean() < 0.9


def test_the_box_is_that_of_the_mask() -> None:
    scenes = draw_scenes(sample_scene, 300, "boxes")
    off_centre = [replace(s, x=0.2, y=0.9, scale=0.95, rotation=40.0) for s in scenes[:60]]  # cut off by the border
    assert [box(s) for s in scenes + off_centre] == [mask_box(render(s)[1]) for s in scenes + off_centre]


def test_the_mask_is_where_the_object_is() -> None:
    """Exchanging the object's colour changes pixels inside the mask and none outside it."""
    for scene in covering_scenes()[:33]:
        plain = replace(scene, pattern="plain", extra="none")
        red, mask = render(replace(plain, colour="red"))
        blue, _ = render(replace(plain, colour="blue"))
        changed = (red != blue).any(2)
        assert changed.any() and not (changed & ~mask).any()


def test_every_attribute_shows() -> None:
    scene = Scene("turtle", "red", "plain", "sky", seed=5)
    image = render(scene)[0]
    for other in (
        replace(scene, pattern="dotted"), replace(scene, scene="sand"), replace(scene, extra="text"),
        replace(scene, object="car"), replace(scene, flip=True), replace(scene, seed=6),
    ):  # fmt: skip
        assert (render(other)[0] != image).any()


def test_checks_are_parallel_to_the_axes_and_wide_enough() -> None:
    """Turned or small checks were mistaken for stripes at 64 px."""
    for mask in patterns("checkered"):
        inked = np.asarray(mask) > 0
        assert all((row == inked[0]).all() or (row == ~inked[0]).all() for row in inked)
        edges = np.flatnonzero(np.diff(inked[0].astype(int)))
        assert set(np.diff(edges)) <= {10, 11, 12, 13}


def test_patterns_ink_about_as_much_as_they_leave() -> None:
    shares = {name: [float((np.asarray(m) > 0).mean()) for m in patterns(name)] for name in PATTERNS[1:]}
    assert all(0.47 < share < 0.53 for name in ("striped", "checkered") for share in shares[name])
    assert all(0.25 < share < 0.36 for share in shares["dotted"])


def test_a_data_set_renders_its_scenes() -> None:
    probe = LabImages("probe")
    image, mask = render(probe.scenes[17])
    assert (probe.image(17) == image).all() and (probe.mask(17) == mask).all() and probe.box(17) == mask_box(mask)
