"""Settings: which values they take, and what they decided inside a query without standing in it, for PLAN: the seeds of
its methods and of its calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from . import ast
from .bind import SEED, bind
from .declare import Bound, Catalog, Default
from .diagnostic import Diagnostic
from .sizes import bytes_of

PRECISIONS = ("float32", "bfloat16", "float16")
BACKENDS = ("inline", "processes", "dask")
ADDRESSES = ("tcp://", "tls://", "ws://", "wss://")  # what begins so is where a scheduler of dask listens


def set_defaults(query: ast.Query, methods: Sequence[Bound], catalog: Catalog) -> Iterator[Default]:
    """A default for each argument that a setting filled; the query has been checked, so binding raises nothing new."""
    precision = catalog.setting("precision")
    if precision not in {None, PRECISIONS[0]}:
        yield Default("precision", str(precision), "SET precision")
    if catalog.setting(SEED) is None:
        return
    makers = {c.name: c for c in catalog.constructors()}
    made = [bind(call, makers[call.name.text], catalog) for call in _calls(query) if call.name.text in makers]
    for bound in (*methods, *made):
        for name in sorted(bound.set_):
            yield Default(f"{name} of {bound.declaration.name}", str(bound.values[name]), f"SET {name}")


def _calls(node: Any, outermost: bool = True) -> Iterator[ast.Call]:
    """Every call in a query, with what parameters stand for; queries inside it have defaults of their own."""
    if isinstance(node, tuple):
        for item in node:
            yield from _calls(item, False)
    elif dataclasses.is_dataclass(node) and not isinstance(node, (type, ast.Sql)):
        if isinstance(node, ast.Query) and not outermost:
            return
        if isinstance(node, ast.Call):
            yield node
        for field in dataclasses.fields(node):
            yield from _calls(getattr(node, field.name), False)


def setting_value(setting: str, value: Any, span: ast.Span | None) -> Any:
    """The value of a setting that is no thing. Raises Diagnostic 'bad-argument' for one that it does not take."""
    if setting == "seed" and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise Diagnostic("bad-argument", "seed is a whole number from 0 on: SET seed = 7", span)
    if setting == "device" and (not isinstance(value, str) or value.split(":")[0] not in {"cpu", "cuda"}):
        raise Diagnostic("bad-argument", "device is cpu or cuda (cuda:1 for the second): SET device = cuda", span)
    if setting in {"cache_size", "memory"} and not _is_size(value):
        example = {"cache_size": "20GB", "memory": "2GB"}[setting]
        raise Diagnostic("bad-argument", f"{setting} is a size or 'none': SET {setting} = '{example}'", span)
    if setting == "on_error" and value not in {"fail", "skip"}:
        raise Diagnostic("bad-argument", "on_error is 'fail' or 'skip': SET on_error = 'skip'", span)
    if setting == "precision" and value not in PRECISIONS:
        message = "precision is 'float32', 'bfloat16' or 'float16': SET precision = 'bfloat16'"
        raise Diagnostic("bad-argument", message, span)
    if setting == "backend" and not (isinstance(value, str) and (value in BACKENDS or value.startswith(ADDRESSES))):
        message = f"backend is one of {', '.join(BACKENDS)}, or where a scheduler of dask listens: 'tcp://HOST:8786'"
        raise Diagnostic("bad-argument", message, span)
    if setting == "workers" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise Diagnostic("bad-argument", "workers is a whole number from 1 on: SET workers = 4", span)
    return value


def _is_size(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() == "none" or bytes_of(value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
