"""Models and judges that compute in half precision, where `SET precision` says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from ..engine.operator import Source, digest
from ..ops.handles import Judge, Precision, Subject


@dataclass(frozen=True)
class Reduced:
    """A model or judge of `whole`, its spec, whose forwards run in `precision`; all else is as `whole` says."""

    whole: Any
    precision: Precision

    def open(self, device: str) -> Subject | Judge:
        opened: Subject | Judge = self.whole.open(device)
        return replace(opened, precision=self.precision)

    def describe(self) -> dict[str, str]:
        return {**self.whole.describe(), "precision": self.precision}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in {"whole", "precision"}:  # asked for while it is being unpickled
            raise AttributeError(name)
        return getattr(self.whole, name)


def at_precision(source: Source, precision: str) -> Source:
    """The source in this precision, which is then part of its key; itself if nothing of it runs, or in float32."""
    runs = source.kind == "model" or (source.kind == "judge" and source.spec.can_embed_images())
    if precision == "float32" or not runs:
        return source
    fingerprint = digest(["precision", source.fingerprint, precision])
    return replace(source, fingerprint=fingerprint, spec=Reduced(source.spec, cast(Precision, precision)))
