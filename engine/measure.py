"""What a run took, node by node, and the rates learned from it: the ground of every estimate.

Rates stand in STORE/rates.json and enter no key: seconds for each image of a pass, and for each row of a global
operator. They are of one device; what never ran on it has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .files import sealed, unsealed, write_aside
from .operator import Operator, Scan, Source, digest

FORMAT = 2


@dataclass(frozen=True)
class Measure:
    """One node of a finished run. A round's time is shared out among the nodes it made, so that nodes add up to it."""

    seconds: float
    rows: int
    bytes: int
    images: int = 0


@dataclass
class Rates:
    """Seconds by what was done: for an image of a pass, for a row of a global operator."""

    path: Path | None = None
    known: dict[str, float] = field(default_factory=dict)
    fresh: dict[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path) -> Rates:
        """Those of a store; a damaged file counts as none."""
        path = root / "rates.json"
        try:
            found = unsealed(path.read_bytes())
            known = {str(k): float(v) for k, v in found["seconds"].items()} if found["format"] == FORMAT else {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            known = {}
        return cls(path, known)

    def learn(self, name: str, seconds: float, count: int) -> None:
        """What `count` images or rows took. A few are too few to say anything but a bound."""
        if count > 0:
            self.fresh[name] = seconds / count

    def save(self) -> None:
        """Add what was learned to the file; another process may have written it meanwhile."""
        if not self.fresh or self.path is None:
            return
        merged = {**Rates.load(self.path.parent).known, **self.fresh}
        self.known, self.fresh = merged, {}
        made = sealed({"format": FORMAT, "seconds": merged})
        write_aside(self.path, json.dumps(made, sort_keys=True).encode())

    def get(self, *names: str) -> float | None:
        """The first of these that is known."""
        return next((self.known[n] for n in names if n in self.known), None)


def scan_rate(scan: Scan, device: str) -> str:
    """The name of a scan's rate: the same work on other images has the same."""
    return f"image {digest(_work(scan, leave_out=scan.dataset))[:24]} {device}"


def pass_rate(scan: Scan, device: str) -> str:
    """The name of a pass's rate, whatever it captures."""
    sources = [s.fingerprint for s in scan.inputs if isinstance(s, Source) and s is not scan.dataset]
    return f"pass {digest([type(scan).__name__, scan.version, sources])[:24]} {device}"


def decode_rate(dataset: Source) -> str:
    """The name of the rate at which a data set's images are read and decoded; a selection's is that of the whole."""
    return f"decode {dataset.name.replace('[…]', '')}"


def global_rate(operator: Operator, device: str) -> str:
    """The name of a global operator's rate for each row: its kind, its arguments and its models."""
    return f"row {digest(_work(operator, leave_out=None))[:24]} {device}"


def _work(operator: Operator, leave_out: Operator | None) -> list[Any]:
    """What an operator does, apart from what it does it to."""
    arguments: Mapping[str, Any] = operator.arguments
    models = [s.fingerprint for s in operator.inputs if isinstance(s, Source) and s is not leave_out]
    shown = sorted((k, str(v)) for k, v in arguments.items() if k not in {"units"})
    return [type(operator).__name__, operator.version, [list(s) for s in shown], models]
