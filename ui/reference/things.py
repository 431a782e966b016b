"""constructors.md: what has a name from the start, and the functions that make more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...lang.declare import REQUIRED, ConstructorDeclaration, Kind
from ...stdlib.catalog import Catalog
from .markdown import block, code, parameters, table
from .markdown import page as made

KINDS: dict[Kind, tuple[str, str]] = {
    "model": ("Models", "They stand after OF."),
    "dataset": ("Images", "They stand after ON and CONTRAST. A file or folder in quotes is one too: `'photos/'`."),
    "vocabulary": ("Words", "They stand after WITH. A list or a file in quotes is, too: `['boat']`, `'words.txt'`."),
    "captions": ("Captions", "They stand after CAPTIONED BY. A list or a file in quotes is, too."),
    "judge": ("Judges", "They stand after JUDGED BY: models that see and read."),
}


def page() -> str:
    about = (
        "What a query can name. `SHOW MODELS`, `SHOW DATASETS` and so on list the same, with what LET has added. A "
        "function may stand wherever its kind of thing may, or be given a name: `LET net = torchvision('resnet18')`."
    )
    catalog = Catalog()
    return made("Names and functions", about, *(part for kind in KINDS for part in _kind(kind, catalog)))


def _kind(kind: Kind, catalog: Catalog) -> Iterator[str]:
    title, about = KINDS[kind]
    yield f"## {title}\n\n{about}"
    known = [catalog.find(name) for name in catalog.names(kind)]
    rows = [(code(thing.name), _facts(thing)) for thing in known if thing is not None]
    if rows:
        yield table(("name", "what"), rows)
    further = catalog.further(kind)
    if further:
        yield (
            f"Further {len(further)} names stand for classifiers of torchvision with their default weights: "
            + ", ".join(map(code, further)) + "."
        )  # fmt: skip
    for constructor in sorted(catalog.constructors(kind), key=lambda c: c.name):
        yield from section(constructor)


def _facts(thing: Any) -> str:
    return "; ".join(f"{k}: {v}" for k, v in thing.describe().items())


def section(constructor: ConstructorDeclaration) -> Iterator[str]:
    yield f"### {constructor.name}(…)\n\n{constructor.summary[0].upper()}{constructor.summary[1:]}."
    yield block(written(constructor))
    yield parameters(constructor.parameters)
    if constructor.citation is not None:
        yield f"Source: {constructor.citation.text()}."


def written(constructor: ConstructorDeclaration) -> str:
    """The call, optional arguments with their defaults."""
    inside = (p.name if p.default is REQUIRED else f"{p.name}={_value(p.default)}" for p in constructor.parameters)
    return f"{constructor.name}({', '.join(inside)})"


def _value(value: object) -> str:
    if value is None:
        return "null"
    return f"'{value}'" if value == "{}" else str(value)
