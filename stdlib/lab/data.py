"""The data sets of the lab: names -> scenes, images, masks, boxes, tables. All is drawn on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from .captions import Caption, caption
from .rng import Rng
from .world import CATEGORY_OF, OBJECTS, SAMPLER_VERSION, Scene, sample_scene, shifted_scene, shortcut_scene

if TYPE_CHECKING:
    import pyarrow as pa

    from .render import Box, Mask, Pixels

COUNTS: dict[str, int] = {"probe": 2_000, "audit": 4_000, "train": 12_000, "shifted": 2_000}
CAPTION_COUNT: int = 6_000


def draw_scenes(draw: Callable[[Rng], Scene], count: int, *key: str | int) -> list[Scene]:
    """`count` scenes from one stream named by the key."""
    rng = Rng("scenes", *key)
    return [draw(rng) for _ in range(count)]


def _audit() -> list[Scene]:
    """The shortcut world mixed 3:1 with free scenes: without counter-examples no method could see a shortcut."""
    free = COUNTS["audit"] // 4
    mixed = draw_scenes(shortcut_scene, COUNTS["audit"] - free, "audit") + draw_scenes(sample_scene, free, "audit-free")
    return Rng("audit-order").shuffled(mixed)


@cache
def scenes_of(name: str) -> tuple[Scene, ...]:
    """The scenes of a data set, in order. Raises KeyError for an unknown name."""
    if name == "audit":
        return tuple(_audit())
    draws: dict[str, Callable[[Rng], Scene]] = {
        "probe": sample_scene,
        "train": shortcut_scene,
        "shifted": shifted_scene,
    }
    return tuple(draw_scenes(draws[name], COUNTS[name], name))


class LabImages:
    """A data set by name: probe (free world), audit (shortcut world and free scenes, 3:1), train (shortcut world, what
    labnet learnt from) or shifted (shortcuts reversed). Raises ValueError for an unknown name, IndexError beyond it."""

    classes: tuple[str, ...] = OBJECTS

    def __init__(self, name: str) -> None:
        if name not in COUNTS:
            raise ValueError(f"no lab data set {name!r}; there are {', '.join(COUNTS)}")
        self.name = name

    def __len__(self) -> int:
        return COUNTS[self.name]

    def __repr__(self) -> str:
        return f"LabImages({self.name!r})"

    @property
    def fingerprint(self) -> str:
        """Changes whenever any image of the set could; costs nothing."""
        from .render import RENDERER_VERSION

        return f"lab/{self.name}/{len(self)}/sampler-{SAMPLER_VERSION}/renderer-{RENDERER_VERSION}"

    @property
    def scenes(self) -> Sequence[Scene]:
        """What each image shows."""
        return scenes_of(self.name)

    def image_name(self, i: int) -> str:
        """Such as 'probe/00017'."""
        return f"{self.name}/{i:05d}"

    def image(self, i: int) -> Pixels:
        """uint8 [64, 64, 3], RGB."""
        from .render import render

        return render(self.scenes[i])[0]

    def mask(self, i: int) -> Mask:
        """bool [64, 64], true on the object."""
        from .render import render

        return render(self.scenes[i])[1]

    def box(self, i: int) -> Box:
        """The object's box (x0, y0, x1, y1), half-open, in pixels."""
        from .render import box

        return box(self.scenes[i])

    def regions(self, i: int) -> list[tuple[str, Mask]]:
        """Each fact that is true somewhere in the image, with the pixels bool [64, 64] it is true of: those of the
        scene on the backdrop, those of the extra on it, all others but the parts on what is seen of the object."""
        from .render import regions

        scene = self.scenes[i]
        thing, extra = regions(scene)
        where = {scene.scene: ~(thing | extra), scene.extra: extra}
        true = scene.facts()
        return [(fact, where.get(fact, thing)) for fact in CATEGORY_OF if fact in true]

    def label(self, i: int) -> int:
        """Index of the object in `classes`."""
        return OBJECTS.index(self.scenes[i].object)

    def caption(self, i: int) -> Caption:
        """One caption of the image and the facts it states."""
        return caption(self.scenes[i], Rng("caption", self.name, i))

    def table(self) -> pa.Table:
        """One row an image: image, label, object, group, colour, pattern, scene, extra, scale, x0, y0, x1, y1 (the
        object's box, half-open), caption, facts (all facts of the image, sorted)."""
        import pyarrow as pa

        from .render import box

        scenes = self.scenes
        boxes = [box(scene) for scene in scenes]
        columns: dict[str, Any] = {
            "image": [self.image_name(i) for i in range(len(self))],
            "label": pa.array([self.label(i) for i in range(len(self))], pa.int32()),
        }
        for attribute in ("object", "group", "colour", "pattern", "scene", "extra", "scale"):
            columns[attribute] = [getattr(scene, attribute) for scene in scenes]
        for k, corner in enumerate(("x0", "y0", "x1", "y1")):
            columns[corner] = pa.array([b[k] for b in boxes], pa.int32())
        columns["caption"] = [self.caption(i)[0] for i in range(len(self))]
        columns["facts"] = pa.array([sorted(scene.facts()) for scene in scenes], pa.list_(pa.string()))
        return pa.table(columns)


@cache
def caption_corpus() -> tuple[Caption, ...]:
    """Distinct descriptive captions of scenes that are in no data set, each with the facts it states."""
    rng, seen, out = Rng("captions"), set[str](), list[Caption]()
    while len(out) < CAPTION_COUNT:
        text, said = caption(sample_scene(rng), rng)
        if text not in seen:
            seen.add(text)
            out.append((text, said))
    return tuple(out)


@cache
def captions() -> pa.Table:
    """lab.captions: caption, facts (those that the caption states, sorted)."""
    import pyarrow as pa

    texts = [text for text, _ in caption_corpus()]
    facts = pa.array([sorted(said) for _, said in caption_corpus()], pa.list_(pa.string()))
    return pa.table({"caption": texts, "facts": facts})
