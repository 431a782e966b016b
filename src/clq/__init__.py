"""clq: a declarative query engine that tells people what vision models have learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lang import Diagnostic as Diagnostic
    from .ui.connection import Connection as Connection
    from .ui.connection import connect as connect

__version__ = "0.1.0"
__all__ = ["Connection", "Diagnostic", "__version__", "connect"]

_LAZY = {
    "connect": "clq.ui.connection", "Connection": "clq.ui.connection", "Diagnostic": "clq.lang",
    "load_ipython_extension": "clq.ui.magic", "unload_ipython_extension": "clq.ui.magic",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'clq' has no attribute {name!r}")
