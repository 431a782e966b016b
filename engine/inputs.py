"""What operators read from: the store for artifacts, the resources for opened sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .artifact import Artifact
from .operator import Operator, Source
from .resources import Resources
from .store import Store


@dataclass
class Reading:
    """The inputs of every operator that one process computes."""

    store: Store
    resources: Resources

    def artifact(self, operator: Operator) -> Artifact:
        found = self.store.find(operator)
        if found is None:
            raise LookupError(f"{operator.label()} has not been computed")
        return found

    def opened(self, source: Source) -> Any:
        return self.resources.open(source)
