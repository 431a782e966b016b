"""What a run did when, in the trace event format that Perfetto and chrome://tracing read: rounds, batches, operators,
writes."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .files import write_aside


@dataclass
class Trace:
    """Collects spans; `save` writes them. Times are microseconds since the trace began."""

    path: Path
    began: float = field(default_factory=time.perf_counter)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def epoch(self) -> float:
        """When the trace began, in seconds since 1970."""
        return time.time() - (time.perf_counter() - self.began)

    def name_process(self, name: str) -> None:
        """What is shown beside the spans of this process."""
        self.events.append({"name": "process_name", "ph": "M", "pid": os.getpid(), "args": {"name": name}})

    def add(self, name: str, kind: str, began: float, seconds: float, **facts: Any) -> None:
        """A span that is over: `began` as time.perf_counter() gives it."""
        self.events.append(
            {
                "name": name, "cat": kind, "ph": "X", "ts": round((began - self.began) * 1e6, 1),
                "dur": round(seconds * 1e6, 1), "pid": os.getpid(), "tid": threading.get_native_id(), "args": facts,
            }
        )  # fmt: skip

    @contextmanager
    def span(self, name: str, kind: str, **facts: Any) -> Iterator[None]:
        """A span around a stretch of work, kept also if it fails."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, kind, began, time.perf_counter() - began, **facts)

    def save(self) -> None:
        """Write all spans so far. Raises Diagnostic if the file cannot be written."""
        made = {"traceEvents": self.events, "displayTimeUnit": "ms", "otherData": {"program": "clq"}}
        write_aside(self.path, json.dumps(made, ensure_ascii=False).encode())
