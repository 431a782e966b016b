"""Which layer of a classifier gives its classes."""

from __future__ import annotations

from collections.abc import Sequence

from ..lang.ast import Span
from ..lang.diagnostic import Diagnostic
from .things import Model


def head_of(model: Model, place: Span | None, what: str) -> tuple[str, tuple[str, ...]]:
    """The last layer of as many units as there are classes, and the names of the classes. `what` says of whom one asks
    so. Raises Diagnostic where there are no classes, or no such layer."""
    classes, layers = model.classes(), model.layers()
    if classes is None or layers is None:
        lacks = "has no classes that are known here" if classes is None else "tells its layers only when it runs"
        hint = f"{what} of a classifier that names its classes: checkpoint(…, classes=…), or labnet"
        raise Diagnostic("wrong-kind", f"{model.name} {lacks}", place, hint=hint)
    heads = [name for name, units in layers.items() if units == len(classes)]
    if not heads:
        raise Diagnostic("wrong-kind", f"no layer of {model.name} has a unit for each of its {len(classes)} classes",
                         place)  # fmt: skip
    return heads[-1], tuple(classes)


def number_of(value: int | str, classes: Sequence[str]) -> int:
    """A class by its number; the checker knows that there is one."""
    return value if isinstance(value, int) else classes.index(value)
