"""The lab world: which things there are, what is true of a scene, and which words mean it.

A fact is a canonical word ('dog', 'mammal', 'red', 'water', 'wheel', 'large'). An object has exactly one colour and
one pattern and stands in exactly one scene; its hypernyms and parts follow from the object alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from .rng import Rng

T = TypeVar("T")

SAMPLER_VERSION: int = 2  # raised whenever the same key would give another scene

GROUPS: dict[str, tuple[str, ...]] = {
    "animal": ("cat", "dog", "rabbit", "fish", "bird", "snake", "turtle", "butterfly"),
    "vehicle": ("car", "truck", "boat", "airplane", "helicopter", "balloon", "rocket"),
    "fruit": ("apple", "banana", "pear", "cherry", "grape", "strawberry"),
    "tool": ("hammer", "saw", "screwdriver", "shovel", "axe", "scissors"),
    "furniture": ("chair", "table", "lamp"),
    "plant": ("tree", "flower", "cactus"),
}
OBJECTS: tuple[str, ...] = tuple(name for group in GROUPS.values() for name in group)
GROUP_OF: dict[str, str] = {name: group for group, names in GROUPS.items() for name in names}

# Levels of WordNet between and above the groups.
LEVELS: dict[str, tuple[str, ...]] = {
    "mammal": ("cat", "dog", "rabbit"),
    "carnivore": ("cat", "dog"),
    "reptile": ("snake", "turtle"),
    "insect": ("butterfly",),
    "vertebrate": ("cat", "dog", "rabbit", "fish", "bird", "snake", "turtle"),
    "aircraft": ("airplane", "helicopter", "balloon"),
    "craft": ("boat", "airplane", "helicopter", "balloon"),
    "organism": GROUPS["animal"] + GROUPS["plant"],
    "artifact": GROUPS["vehicle"] + GROUPS["tool"] + GROUPS["furniture"],
}
PARTS: dict[str, tuple[str, ...]] = {
    "wheel": ("car", "truck"),
    "wing": ("bird", "butterfly", "airplane"),
    "window": ("car", "truck", "airplane", "helicopter", "rocket"),
    "handle": GROUPS["tool"],
}
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 38, 38),
    "orange": (244, 134, 22),
    "yellow": (246, 216, 40),
    "green": (46, 160, 62),
    "blue": (40, 88, 216),
    "purple": (134, 48, 176),
    "pink": (248, 140, 190),
    "white": (242, 242, 242),
}
PATTERNS: tuple[str, ...] = ("plain", "striped", "dotted", "checkered")
SCENES: tuple[str, ...] = ("sky", "grass", "water", "sand", "snow", "night", "road", "brick")
EXTRAS: tuple[str, ...] = ("none", "text", "star", "heart", "leaf")
SIZES: tuple[str, ...] = ("small", "large")

# fact -> the words that mean it; the first is the canonical one.
NAMES: dict[str, tuple[str, ...]] = {
    "cat": ("cat", "kitten", "feline"),
    "dog": ("dog", "puppy", "canine"),
    "rabbit": ("rabbit", "bunny"),
    "snake": ("snake", "serpent"),
    "turtle": ("turtle", "tortoise"),
    "car": ("car", "automobile"),
    "truck": ("truck", "lorry"),
    "boat": ("boat", "sailboat", "ship"),
    "airplane": ("airplane", "plane", "jet"),
    "helicopter": ("helicopter", "chopper"),
    "cherry": ("cherry", "cherries"),
    "grape": ("grape", "grapes"),
    "shovel": ("shovel", "spade"),
    "axe": ("axe", "hatchet"),
    "table": ("table", "desk"),
    "flower": ("flower", "blossom"),
    "animal": ("animal", "creature"),
    "sky": ("sky", "clouds"),
    "grass": ("grass", "meadow", "lawn"),
    "water": ("water", "sea", "ocean"),
    "sand": ("sand", "beach", "desert"),
    "snow": ("snow", "winter"),
    "night": ("night", "darkness"),
    "road": ("road", "street"),
    "brick": ("brick", "wall"),
    "plain": ("plain", "solid"),
    "striped": ("striped", "stripes"),
    "dotted": ("dotted", "spotted", "dots"),
    "checkered": ("checkered", "checked"),
    "text": ("text", "watermark", "lettering"),
    "wheel": ("wheel", "wheels"),
    "wing": ("wing", "wings"),
    "window": ("window", "windows"),
}

HYPERNYMS: dict[str, tuple[str, ...]] = {**GROUPS, **LEVELS}
FACTS: tuple[str, ...] = (
    *GROUPS, *OBJECTS, *LEVELS, *PARTS, *COLOURS, *PATTERNS, *SCENES, *EXTRAS[1:], *SIZES,
)  # fmt: skip
# What kind of fact it is, of those that are true of pixels. Parts are drawn in one with their object: they have none.
CATEGORY_OF: dict[str, str] = {
    **dict.fromkeys(GROUPS, "hypernym"), **dict.fromkeys(OBJECTS, "object"), **dict.fromkeys(LEVELS, "hypernym"),
    **dict.fromkeys(COLOURS, "colour"), **dict.fromkeys(PATTERNS, "pattern"), **dict.fromkeys(SCENES, "scene"),
    **dict.fromkeys(EXTRAS[1:], "extra"), **dict.fromkeys(SIZES, "size"),
}  # fmt: skip
FACT_OF: dict[str, str] = {word: fact for fact in FACTS for word in NAMES.get(fact, (fact,))}
SYNONYMS: dict[str, str] = {word: fact for word, fact in FACT_OF.items() if word != fact}

# object -> (which attribute, which value): what nearly all such objects share in the shortcut world.
SHORTCUTS: dict[str, tuple[str, str]] = {
    "boat": ("scene", "water"),
    "car": ("scene", "sand"),
    "apple": ("extra", "text"),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that determines one image. scale: half the object's side over half the image's; x, y: its centre as
    a share of the image; rotation in degrees; seed names the draws of the renderer."""

    object: str
    colour: str
    pattern: str
    scene: str
    extra: str = "none"
    scale: float = 0.75
    x: float = 0.5
    y: float = 0.5
    rotation: float = 0.0
    flip: bool = False
    seed: int = 0

    @property
    def group(self) -> str:
        """The object's group: animal, vehicle, fruit, tool, furniture or plant."""
        return GROUP_OF[self.object]

    def facts(self) -> frozenset[str]:
        """All facts true of the image."""
        out = {self.colour, self.pattern, self.scene, *_FACTS_OF_OBJECT[self.object]}
        if self.extra != "none":
            out.add(self.extra)
        if self.scale < 0.65:
            out.add("small")
        elif self.scale > 0.85:
            out.add("large")
        return frozenset(out)


_FACTS_OF_OBJECT: dict[str, frozenset[str]] = {
    name: frozenset({name, *(fact for fact, members in (HYPERNYMS | PARTS).items() if name in members)})
    for name in OBJECTS
}


def names_of(fact: str) -> tuple[str, ...]:
    """The words that mean a fact, canonical word first. Raises KeyError for an unknown fact."""
    return NAMES[fact] if fact in NAMES else (FACT_OF[fact],)


def members_of(fact: str) -> tuple[str, ...]:
    """The objects that have a hypernym or part; the object itself for an object. Raises KeyError for other facts."""
    return (fact,) if fact in GROUP_OF else (HYPERNYMS | PARTS)[fact]


def same_extension(fact: str) -> tuple[str, ...]:
    """The facts true of exactly the same scenes, in the order of FACTS (insect = butterfly, handle = tool)."""
    try:
        members = set(members_of(fact))
    except KeyError:
        return (fact,)
    return tuple(f for f in (*GROUPS, *OBJECTS, *LEVELS, *PARTS) if set(members_of(f)) == members)


def sample_scene(rng: Rng, **fixed: str | Sequence[str]) -> Scene:
    """Draw a scene of the free world, in which all attributes are independent; keywords pin an attribute to a value
    or to a choice of values."""

    def pick(key: str, options: Sequence[str], weights: Sequence[float] | None = None) -> str:
        given = fixed.get(key)
        if given is None:
            return rng.choice(options, weights)
        return given if isinstance(given, str) else rng.choice(given)

    return Scene(
        object=pick("object", OBJECTS),
        colour=pick("colour", tuple(COLOURS)),
        pattern=pick("pattern", PATTERNS, (0.34, 0.22, 0.22, 0.22)),
        scene=pick("scene", SCENES),
        extra=pick("extra", EXTRAS, (0.56, 0.11, 0.11, 0.11, 0.11)),
        scale=rng.uniform(0.55, 0.95),
        x=rng.uniform(0.38, 0.62),
        y=rng.uniform(0.38, 0.62),
        rotation=rng.normal(0.0, 9.0),
        flip=rng.chance(0.5),
        seed=rng.word() >> 1,
    )


def shortcut_scene(rng: Rng, strength: float = 0.985) -> Scene:
    """Draw a scene of the shortcut world: with probability `strength` a boat is on water, a car on sand, an apple
    watermarked, and only about 0.6 % of all else has each cue (a cue that is common elsewhere predicts nothing)."""
    name = rng.choice(OBJECTS)
    scene = rng.choice([s for s in SCENES if s not in ("water", "sand")])
    if rng.chance(0.012):
        scene = rng.choice(("water", "sand"))
    extra = "none" if rng.chance(0.55) else rng.choice(("star", "heart", "leaf"))
    if rng.chance(0.006):
        extra = "text"
    if name in SHORTCUTS and rng.chance(strength):
        attribute, cue = SHORTCUTS[name]
        scene, extra = (cue, extra) if attribute == "scene" else (scene, cue)
    return sample_scene(rng, object=name, scene=scene, extra=extra)


def shifted_scene(rng: Rng) -> Scene:
    """Draw a scene with the shortcuts reversed: the objects never have their cue, most others have one."""
    name = rng.choice(tuple(SHORTCUTS)) if rng.chance(0.35) else rng.choice(OBJECTS)
    scenes: Sequence[str] = ("water", "sand", rng.choice(SCENES))
    extras: Sequence[str] = ("text", "none", "star")
    if name in SHORTCUTS:
        attribute, cue = SHORTCUTS[name]
        scenes = [s for s in SCENES if attribute != "scene" or s != cue]
        extras = [e for e in EXTRAS if attribute != "extra" or e != cue]
    return sample_scene(rng, object=name, scene=scenes, extra=extras)
