"""The models that a query around a spot names after OF, also where OF comes later in the text."""

from __future__ import annotations

from collections.abc import Sequence

from ..ast import Show
from ..declare import Names, Selected, Thing
from ..diagnostic import Diagnostic
from ..parse import parse
from ..resolve import resolve_whole
from .spot import Segment, Spot


def models_at(spot: Spot, names: Names) -> list[Thing]:
    """The models whose layers and classes can stand at the spot: of TO's own OF in TO, else the query's, else SET's."""
    segments = spot.segments()
    written = _of(segments)
    if written is not None:
        return resolved(written, names)
    verb = spot.verb
    found = names.default("model", verb.name, None, None) if verb is not None else None
    thing = found[0] if found is not None else None
    if isinstance(thing, Selected):
        return [thing.thing]
    return [] if thing is None or isinstance(thing, str) else [thing]


def _of(segments: Sequence[Segment]) -> str | None:
    """What is written after the OF in question; '' where that OF is missing."""
    in_to = next((i for i, s in enumerate(segments) if s.here and s.keyword == "TO"), None)
    if in_to is not None:
        after = segments[in_to + 1 : in_to + 2]
        return after[0].text if after and after[0].keyword == "OF" else ""
    for i, segment in enumerate(segments):
        if segment.keyword == "OF" and not (i and segments[i - 1].keyword == "TO"):
            return segment.text
    return None


def resolved(written: str, names: Names) -> list[Thing]:
    """The models in a list of models as a query has it; those that are mistakes are left out."""
    try:
        statement = parse(f"SHOW LAYERS OF {written}").statements[0]
    except Diagnostic:
        return []
    found = []
    for given in statement.of if isinstance(statement, Show) else ():
        try:
            found.append(resolve_whole(given, "model", names))
        except Diagnostic:
            continue
    return found
