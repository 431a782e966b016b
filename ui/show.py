"""SHOW: what there is, as rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..lang import ast
from ..lang.bind import default_shown
from ..lang.check import resolve
from ..lang.declare import MethodDeclaration, Parameter
from ..lang.define import written
from ..lang.diagnostic import Diagnostic, did_you_mean, listing
from ..lang.verbs import VERBS
from ..stdlib.things import Model

if TYPE_CHECKING:
    import pyarrow as pa

    from .session import Session

KINDS = {
    "MODELS": "model", "DATASETS": "dataset", "VOCABULARIES": "vocabulary", "CAPTIONS": "captions", "JUDGES": "judge",
}  # fmt: skip


def _table(rows: list[dict[str, Any]], columns: list[str]) -> pa.Table:
    import pyarrow as pa

    return pa.table({c: [row.get(c) for row in rows] for c in columns})


def _facts(facts: dict[str, str]) -> str:
    return "; ".join(f"{k}: {v}" for k, v in facts.items())


def _things(statement: ast.Show, session: Session) -> pa.Table:
    kind = KINDS[statement.what]
    rows = [{"name": t.name, "what": _facts(t.describe())} for t in session.names.things(kind)]  # type: ignore[arg-type,attr-defined]
    for c in session.names.constructors(kind):  # type: ignore[arg-type]
        inside = ", ".join(p.name for p in c.parameters)
        rows.append({"name": f"{c.name}({inside})", "what": c.summary})
    return _table(rows, ["name", "what"])


def _names(statement: ast.Show, session: Session) -> pa.Table:
    names = session.names
    rows = [
        {"name": n, "kind": t.kind, "made": "LET" if n in names.made else "INTO" if n in names.tables else "built in"}
        for n in names.names()
        if (t := names.find(n)) is not None
    ]
    rows += [{"name": written(d.statement), "kind": "query", "made": "DEFINE"} for d in names.definitions.values()]
    rows += [
        {"name": k, "kind": "setting", "made": str(getattr(v, "name", v))} for k, v in session.names.settings.items()
    ]
    return _table(rows, ["name", "kind", "made"])


def _layers(statement: ast.Show, session: Session) -> pa.Table:
    rows = []
    for given in statement.of:
        model = resolve(given, "model", session.names)
        layers = model.layers() if isinstance(model, Model) else None
        if layers is None:
            raise Diagnostic(
                "not-here", f"the layers of {model.name} are known when it runs", statement.span,
                hint="name a layer as the module is called in Python",
            )  # fmt: skip
        rows += [{"model": model.name, "layer": name, "units": units} for name, units in layers.items()]
    return _table(rows, ["model", "layer", "units"])


def _methods(statement: ast.Show, session: Session) -> pa.Table:
    found = session.names.methods(statement.for_)
    rows = [
        {"method": m.name, "verbs": ", ".join(m.verbs), "summary": m.summary, "citation": str(m.citation or "")}
        for m in found
    ]
    return _table(rows, ["method", "verbs", "summary", "citation"])


def _method(statement: ast.Show, session: Session) -> pa.Table:
    name = statement.name.text if isinstance(statement.name, ast.Name) else ""
    known: dict[str, MethodDeclaration] = {m.name: m for m in session.names.methods()}
    if name not in known:
        span = statement.name.span if statement.name else statement.span
        raise Diagnostic("unknown-method", f"There is no method {name}.{did_you_mean(name, known)}", span,
                         hint=f"methods: {listing(known)}")  # fmt: skip
    rows = [
        {
            "argument": p.name, "type": p.type, "default": _default(p),
            "range": _range(p), "meaning": p.meaning,
        }
        for p in known[name].parameters
    ]  # fmt: skip
    return _table(rows, ["argument", "type", "default", "range", "meaning"])


def _default(p: Parameter) -> str:
    if p.instead:
        return default_shown(p)
    return "none" if p.default is None else str(p.default)


def _range(p: Any) -> str:
    if p.choices:
        return ", ".join(p.choices)
    low, high = p.low, p.high
    if low is None and high is None:
        return ""
    return f"{'' if low is None else f'{low:g}'} … {'' if high is None else f'{high:g}'}".strip()


def _verbs(statement: ast.Show, session: Session) -> pa.Table:
    rows = [
        {"verb": v.name, "asks": v.summary, "methods": ", ".join(m.name for m in session.names.methods(v.name))}
        for v in VERBS.values()
    ]
    return _table(rows, ["verb", "asks", "methods"])


def _verb(statement: ast.Show, session: Session) -> pa.Table:
    name = statement.for_ or (statement.name.text.upper() if isinstance(statement.name, ast.Name) else "")
    if name not in VERBS:
        raise Diagnostic("unknown-name", f"There is no verb {name}.{did_you_mean(name, VERBS)}", statement.span)
    return _table(
        [{"column": c.name, "type": c.type, "meaning": c.meaning} for c in VERBS[name].columns],
        ["column", "type", "meaning"],
    )


def _params(statement: ast.Show, session: Session) -> pa.Table:
    rows = [{"name": f"${k}", "value": str(v)} for k, v in session.names.parameters.items()]
    return _table(rows, ["name", "value"])


def _runs(statement: ast.Show, session: Session) -> pa.Table:
    return session.catalogue.connection.sql(
        "SELECT finished, verb, statement, rounds, decoded, run FROM clq.meta.runs ORDER BY finished DESC"
    ).to_arrow_table()


def _cache(statement: ast.Show, session: Session) -> pa.Table:
    import json

    rows = []
    for path in sorted(session.store.root.glob("objects/*/*/artifact.json")):
        manifest = json.loads(path.read_bytes())
        rows.append(
            {
                "operator": manifest["label"], "rows": manifest["rows"],
                "bytes": sum(f["bytes"] for f in manifest["files"].values()), "seconds": manifest["seconds"],
                "key": path.parent.name[:12],
            }
        )  # fmt: skip
    return _table(rows, ["operator", "rows", "bytes", "seconds", "key"])


SHOWN: dict[str, Callable[[ast.Show, Session], pa.Table]] = {
    **dict.fromkeys(KINDS, _things),
    "NAMES": _names, "LAYERS": _layers, "METHODS": _methods, "METHOD": _method, "VERBS": _verbs, "VERB": _verb,
    "PARAMS": _params, "RUNS": _runs, "CACHE": _cache,
}  # fmt: skip


def show(statement: ast.Show, session: Session) -> pa.Table:
    """The rows of a SHOW statement. Raises Diagnostic for a word that SHOW does not know."""
    if statement.what not in SHOWN:
        raise Diagnostic(
            "unknown-name", f"SHOW {statement.what} does not exist.{did_you_mean(statement.what, SHOWN)}",
            statement.what_span, hint=f"SHOW {listing(SHOWN, 20)}",
        )  # fmt: skip
    return SHOWN[statement.what](statement, session)
