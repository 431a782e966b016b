"""The true names of units, for metrics that need them: a list after WITH, a file, or what the model knows itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..engine.operator import Operator
from ..lang.declare import Parameter
from ..lang.diagnostic import Diagnostic, listing
from ..ops.judged import Names
from .job import Job
from .things import Model

TRUE_NAMES = Parameter(
    "truth", "str", None, "a .csv or .parquet file with the columns unit and name, a row for each name that is right; "
    "null: the words of WITH, one a unit, or the names that the model knows itself", nullable=True, is_path=True,
)  # fmt: skip


def true_names_for(job: Job) -> Operator | Names:
    """The names that are right for each unit of the job's layer. Raises Diagnostic where nothing says them, and where
    there are more or fewer than the layer has units."""
    path, count = job.values["truth"], _units(job)
    if path is not None and job.words is not None:
        message = "the true names are said twice, by truth and by WITH"
        raise Diagnostic("bad-argument", message, job.spans.get("truth"))
    if path is not None:
        try:
            names = _read(path)
        except Diagnostic as problem:
            problem.span = problem.span or job.spans.get("truth")
            raise
        if count is not None and len(names) > count:
            message = f"{path} names unit {len(names) - 1}; {job.layer} of {_model(job)} has {count} units"
            raise Diagnostic("bad-argument", message, job.spans.get("truth"))
        return (*names, *((),) * ((count or len(names)) - len(names)))
    if job.words is not None:
        given = len(job.words.spec.open("cpu").texts())
        if count is not None and given != count:
            raise Diagnostic(
                "bad-argument", f"{job.words.name} holds {given} names; {job.layer} of {_model(job)} has {count} units",
                job.places.get(job.words.name), hint="WITH takes one true name for each unit here, in their order; a "
                "file with several names a unit is read by truth='names.csv'",
            )  # fmt: skip
        return job.of(job.words, "WITH words")
    known = None if job.model is None else known_names(job.model, job.layer)
    if known is None:
        raise Diagnostic(
            "missing-clause", f"What are the true names of the units of {job.layer}? {_model(job)} does not know them",
            hint=f"write WITH 'names.txt', one a unit in their order, or {job.method}(truth='names.csv')",
        )  # fmt: skip
    return known


def known_names(model: Model, layer: str) -> Names | None:
    """What the model itself says: its planted truth, or its classes for the layer of its outputs."""
    planted = getattr(model.spec, "true_names", None)
    found: Sequence[Sequence[str]] | None = planted(layer) if planted is not None else None
    if found is not None:
        return tuple(tuple(names) for names in found)
    classes, layers = model.classes(), model.layers() or {}
    if classes is None or layer not in layers or layer != list(layers)[-1] or layers[layer] != len(classes):
        return None
    return tuple((name,) for name in classes)


def _units(job: Job) -> int | None:
    layers = None if job.model is None else job.model.layers()
    return None if layers is None else layers.get(job.layer)


def _model(job: Job) -> str:
    return job.model.name if job.model is not None else "its model"


def _read(path: str) -> Names:
    """By unit number the names in a file. Raises Diagnostic for a missing file, column or number."""
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    place = Path(path).expanduser()
    if not place.is_file():
        raise Diagnostic("unread-file", f"there is no file {path}", hint="paths are relative to where clq is started")
    try:
        table = pq.read_table(place) if place.suffix == ".parquet" else csv.read_csv(place)
        lacking = [c for c in ("unit", "name") if c not in table.column_names]
        if lacking:
            raise Diagnostic(
                "unknown-column", f"{path} has no column {lacking[0]}",
                hint=f"its columns: {listing(table.column_names)}",
            )  # fmt: skip
        units = table["unit"].cast(pa.int64()).to_pylist()
    except (OSError, ValueError) as error:
        raise Diagnostic("file-format", f"{path} cannot be read as a table of units and names: {error}") from error
    found: dict[int, list[str]] = {}
    for unit, name in zip(units, table["name"].to_pylist(), strict=True):
        if unit is None or unit < 0:
            raise Diagnostic("file-format", f"{path} has a row whose unit is {unit}: units count from 0")
        if name is not None and str(name).strip():
            found.setdefault(unit, []).append(str(name).strip())
    return tuple(tuple(dict.fromkeys(found.get(unit, ()))) for unit in range(max(found, default=-1) + 1))
