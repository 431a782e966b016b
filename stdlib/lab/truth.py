"""What each planted unit means: the formulas of labtruth and labtruth_dev and the names that are right for each unit.

A unit is `form(gain * combination + offset + noise * n)`, where the combination is over the evidence of one or two
facts (their log-odds by a trained attribute network, levelled off at +-6) and n is pseudo-random in the pixels.
The two models share the attribute network; all gains, offsets, noise, forms and pairs of facts differ: methods are
tuned on labtruth_dev and reported on labtruth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

from .rng import Rng
from .world import (
    COLOURS,
    EXTRAS,
    GROUPS,
    HYPERNYMS,
    OBJECTS,
    PARTS,
    PATTERNS,
    SCENES,
    SHORTCUTS,
    members_of,
    names_of,
    same_extension,
)

if TYPE_CHECKING:
    import pyarrow as pa

KINDS: tuple[str, ...] = ("single", "hypernym", "conjunction", "polysemantic", "shortcut", "noise")
VARIANTS: tuple[str, ...] = ("labtruth", "labtruth_dev")
FORMS: tuple[str, ...] = ("identity", "relu", "softplus", "sigmoid", "squared_relu")

# The heads of the attribute network: (attribute of a scene, its values).
HEADS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("object", OBJECTS),
    ("colour", tuple(COLOURS)),
    ("pattern", PATTERNS),
    ("scene", SCENES),
    ("extra", EXTRAS),
)
EVIDENCE: tuple[str, ...] = (*OBJECTS, *HYPERNYMS, *PARTS, *COLOURS, *PATTERNS, *SCENES, *EXTRAS[1:])

_SINGLES: tuple[str, ...] = (*OBJECTS, *PARTS, *COLOURS, *PATTERNS, *SCENES, *EXTRAS[1:])
_COPIES = 3  # of each hypernym
_PAIRS = 44
_STRENGTHS = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.1, 1.25, 1.4, 1.6, 1.8, 2.0)

# How many units each layer has, in both models.
COUNTS: dict[str, int] = {
    **dict.fromkeys(KINDS, _PAIRS),
    "single": len(_SINGLES),
    "hypernym": _COPIES * len(HYPERNYMS),
}

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Unit:
    """concepts: the facts combined, an object before its cue; strength: the weight of the cue of a shortcut unit."""

    kind: str
    concepts: tuple[str, ...]
    gain: float
    offset: float
    noise: float
    form: str
    strength: float | None = None

    @property
    def cue(self) -> str | None:
        """The planted shortcut, if there is one."""
        return self.concepts[1] if self.kind == "shortcut" and self.strength else None

    @property
    def accepted(self) -> tuple[str, ...]:
        """The words that are right as the first word for this unit. A cue that weighs at least as much as its object
        is right too: then the unit shows it as clearly."""
        facts = self.concepts
        if self.kind == "shortcut" and (self.strength or 0.0) < 1.0:
            facts = facts[:1]
        return accepted_names(facts)


def accepted_names(facts: Iterable[str]) -> tuple[str, ...]:
    """The names of the facts and of the facts true of the same scenes, without repetition."""
    twins = [twin for fact in facts for twin in (fact, *same_extension(fact))]
    return tuple(dict.fromkeys(name for twin in twins for name in names_of(twin)))


def _products(*pools: tuple[Iterable[str], Sequence[str]]) -> list[Pair]:
    return [(a, b) for first, second in pools for a in first for b in second]


def _conjunctions() -> list[Pair]:
    """Pairs of independent facts, each rarely rarer than one image in eighty."""
    large = ("animal", "vehicle", "fruit", "tool")
    return _products((COLOURS, PATTERNS), (large, tuple(COLOURS)), (large, SCENES), (GROUPS, PATTERNS),
                     (PATTERNS, SCENES), (COLOURS, SCENES[::2]))  # fmt: skip


def _polysemantics() -> list[Pair]:
    """Pairs of facts that have nothing to do with each other; no hypernym beside its own member."""
    mixed = _products((OBJECTS, SCENES), (OBJECTS, tuple(COLOURS)), (OBJECTS, EXTRAS[1:]), (GROUPS, SCENES),
                      (SCENES, tuple(COLOURS)), (PATTERNS[1:], OBJECTS))  # fmt: skip
    return [*combinations(OBJECTS, 2), *mixed]


def _shortcuts(variant: str) -> list[tuple[Pair, float]]:
    """Two units for each strength and 20 objects without a cue."""
    rng = Rng("shortcuts", variant)
    cues = (*SCENES, *COLOURS, *EXTRAS[1:])
    objects = rng.shuffled(OBJECTS) + rng.shuffled(OBJECTS)
    graded = [((objects[i], rng.choice(cues)), _STRENGTHS[i // 2]) for i in range(2 * len(_STRENGTHS))]
    return graded + [((name, rng.choice(cues)), 0.0) for name in objects[2 * len(_STRENGTHS) : _PAIRS]]


def _concepts(variant: str) -> list[tuple[str, tuple[str, ...], float | None]]:
    start = VARIANTS.index(variant) * _PAIRS  # the two models have no pair in common
    conjunctions = Rng("conjunctions").shuffled(_conjunctions())[start : start + _PAIRS]
    polysemantics = Rng("polysemantics").shuffled(_polysemantics())[start : start + _PAIRS]
    singles = Rng("singles", variant).shuffled(_SINGLES)
    hypernyms = [fact for i in range(_COPIES) for fact in Rng("hypernyms", variant, i).shuffled(tuple(HYPERNYMS))]
    return [
        *(("single", (fact,), None) for fact in singles),
        *(("hypernym", (fact,), None) for fact in hypernyms),
        *(("conjunction", pair, None) for pair in conjunctions),
        *(("polysemantic", pair, None) for pair in polysemantics),
        *(("shortcut", pair, strength) for pair, strength in _shortcuts(variant)),
        *(("noise", (), None) for _ in range(_PAIRS)),
    ]


@cache
def planted_units(variant: str) -> tuple[Unit, ...]:
    """All units of labtruth or labtruth_dev, kind by kind. Raises ValueError for another name."""
    rng = Rng("units", variant)
    out = []
    for kind, concepts, strength in _concepts(variant):
        form = rng.choice(FORMS)
        if kind == "shortcut" and strength == 0.0:
            concepts = concepts[:1]
        out.append(
            Unit(
                kind=kind,
                concepts=concepts,
                # A sigmoid of a steep argument is 1 to the last bit for every image that has the fact.
                gain=rng.uniform(0.2, 0.5) if form == "sigmoid" else rng.uniform(0.4, 2.5),
                offset=rng.uniform(-1.0, 1.0),
                noise=rng.uniform(0.2, 0.8),
                form=form,
                strength=strength,
            )
        )
    return tuple(out)


@cache
def units_of_kind(variant: str, kind: str) -> tuple[Unit, ...]:
    """The units of one layer, in the order of its outputs."""
    return tuple(unit for unit in planted_units(variant) if unit.kind == kind)


def holds(unit: Unit, facts: Iterable[str]) -> bool:
    """Whether the formula, read as logic, is true of an image with these facts (a shortcut unit: of its object)."""
    facts = set(facts)
    if unit.kind == "noise":
        return False
    if unit.kind == "conjunction":
        return all(fact in facts for fact in unit.concepts)
    if unit.kind == "polysemantic":
        return any(fact in facts for fact in unit.concepts)
    return unit.concepts[0] in facts


def attribute_members(fact: str) -> tuple[int, tuple[int, ...]]:
    """Which head tells about a fact, and which of its values have it. Raises KeyError for sizes and unknown facts."""
    for head, (_, values) in enumerate(HEADS):
        if fact in values:
            return head, (values.index(fact),)
    return 0, tuple(OBJECTS.index(name) for name in members_of(fact))


def truth_table() -> pa.Table:
    """lab.truth, one row a unit: model, layer, unit, kind, concepts, accepted, shortcut (the cue or NULL), strength (of
    the cue in the formula; NULL for labnet, which learnt its own, and for kinds without cues)."""
    import pyarrow as pa

    rows = []
    for variant in VARIANTS:
        for kind in KINDS:
            for i, unit in enumerate(units_of_kind(variant, kind)):
                rows.append((variant, kind, i, kind, unit.concepts, unit.accepted, unit.cue, unit.strength))
    for i, name in enumerate(OBJECTS):
        cue = SHORTCUTS[name][1] if name in SHORTCUTS else None
        rows.append(("labnet", "fc", i, "class", (name,), accepted_names((name,)), cue, None))
    texts = pa.list_(pa.string())
    types = (pa.string(), pa.string(), pa.int32(), pa.string(), texts, texts, pa.string(), pa.float64())
    names = ("model", "layer", "unit", "kind", "concepts", "accepted", "shortcut", "strength")
    columns = [pa.array(list(column), kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
    return pa.table(columns, names=list(names))
