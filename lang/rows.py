"""Rows of a subquery where images, words, units or targets are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .ast import Span
from .checked import CheckedQuery, CheckedSql
from .declare import Catalog, Rows, Selected, Thing
from .diagnostic import Diagnostic, listing
from .made import name_of
from .scan import scan


def column_of(rows: Rows, name: str, span: Span) -> Sequence[Any]:
    """The column of this name, or the only one. Raises Diagnostic `unknown-column`."""
    if name in rows:
        return rows[name]
    if len(rows) == 1:
        return next(iter(rows.values()))
    hint = f"its columns: {listing(rows)}"
    raise Diagnostic("unknown-column", f"This query has no column {name}", span, hint=hint)


def chosen(items: Sequence[int | str | slice], units: Sequence[int | None], targets: Sequence[str]) -> list[str]:
    """The targets that `found[3]`, `found[0:8]` or `found['CLASS 1 OF labnet']` selects from an answer's rows.

    Numbers are those of the column `unit`; from the end, and in slices, they are counted up to the highest.
    """
    count = max((u for u in units if u is not None), default=-1) + 1
    numbers: set[int] = set()
    for item in items:
        if isinstance(item, slice):
            numbers.update(range(count)[item])
        elif isinstance(item, int):
            numbers.add(item % count if count and -count <= item < 0 else item)
    found = (t for u, t in zip(units, targets, strict=True) if u in numbers or t in items)
    return list(dict.fromkeys(found))


def images_of(rows: Rows, body: CheckedQuery | CheckedSql, span: Span, catalog: Catalog) -> tuple[Selected, ...]:
    """The images of a column `image`: of the data sets in the column `dataset`, else of the only one that SQL reads.

    Raises Diagnostic where it is not clear whose images they are, or where there are none.
    """
    images = column_of(rows, "image", span)
    if "dataset" in rows:
        names = rows["dataset"]
    else:
        read = {thing.name for thing in _data_sets(body, catalog)}
        if len(read) != 1:
            message = "Images of which data set? Select its column dataset too, or write lab.probe[(SELECT image …)]"
            raise Diagnostic("missing-clause", message, span)
        names = [*read] * len(images)
    chosen: dict[str, dict[str, None]] = {}
    for dataset, image in zip(names, images, strict=True):
        if dataset is not None and image is not None:
            chosen.setdefault(str(dataset), {})[str(image)] = None
    if not chosen:
        raise Diagnostic("empty-data", "No images are left here: the query gave no rows", span)
    out = []
    for dataset, wanted in chosen.items():
        thing = catalog.find(dataset)
        if thing is None or thing.kind != "dataset":
            raise Diagnostic("unknown-name", f"These images are of {dataset}, which is no data set here", span,
                             hint=f"give it its name again: LET {dataset} = …")  # fmt: skip
        out.append(Selected(thing, span, tuple(wanted)))
    return tuple(out)


def _data_sets(body: CheckedQuery | CheckedSql, catalog: Catalog) -> Iterator[Thing]:
    """The data sets that a query reads: those named in SQL, those after ON."""
    if isinstance(body, CheckedQuery):
        yield from (part.thing for part in body.images)
        return
    for name in named_in(body.sql.text):
        thing = catalog.find(name)
        if thing is not None and thing.kind == "dataset":
            yield thing


def named_in(sql: str) -> set[str]:
    """The paths that stand in an SQL text, outside strings and comments: `lab.probe`, `photos`."""
    out: set[str] = set()
    here: list[str] = []
    end = -1
    for token in scan(sql):
        name = name_of(token) if token.kind in {"word", "quoted"} else None
        if token.text == "." and here and token.start == end:
            here.append(".")
        elif name is not None and here and here[-1] == "." and token.start == end:
            here.append(name)
            out.add("".join(here))
        else:
            here = [name] if name is not None else []
            if name is not None:
                out.add(name)
        end = token.end
    return out
