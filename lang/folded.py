"""Names as SQL takes them: spelt as they were made, found in any case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

V = TypeVar("V")
D = TypeVar("D")


class Folded(dict[str, V]):
    """A dictionary whose keys keep their spelling; one that differs only in case takes the other's place."""

    def __init__(self, items: Mapping[str, V] | Iterable[tuple[str, V]] = ()) -> None:
        super().__init__()
        self._spelt: dict[str, str] = {}
        for name, value in dict(items).items():
            self[name] = value

    def _own(self, name: str) -> str:
        return self._spelt.get(name.lower(), name)

    def __setitem__(self, name: str, value: V) -> None:
        super().pop(self._own(name), None)
        self._spelt[name.lower()] = name
        super().__setitem__(name, value)

    def __getitem__(self, name: str) -> V:
        return super().__getitem__(self._own(name))

    def __delitem__(self, name: str) -> None:
        super().__delitem__(self._own(name))
        del self._spelt[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._spelt

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(self._own(name), default)

    def pop(self, name: str, default: Any = None) -> Any:
        found = super().pop(self._own(name), default)
        self._spelt.pop(name.lower(), None)
        return found

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    def clear(self) -> None:
        super().clear()
        self._spelt.clear()
