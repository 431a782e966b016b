"""The log: what happens, as records of Python's logger `clq`. A file gets one JSON object a line, each in one write, so
that several processes may share it."""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..lang.diagnostic import Diagnostic

LOGGER = logging.getLogger("clq")
LOGGER.addHandler(logging.NullHandler())  # whoever wants to hear attaches a handler; warnings alone are not printed


class JsonLines(logging.Formatter):
    """A record as one JSON object: time (ISO 8601, UTC), level, host, pid, run, event, and the event's own facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Records of other programs, which have no event, give their message as one."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(), "host": getattr(record, "host", platform.node()), "pid": record.process,
            "run": getattr(record, "run", "") or None, "event": getattr(record, "event", None) or record.getMessage(),
        }  # fmt: skip
        return json.dumps({**told, **getattr(record, "facts", {})}, ensure_ascii=False)


class Appending(logging.Handler):
    """Appends lines to a file. What could not be written costs no run: `trouble` says what was wrong.

    Raises Diagnostic 'unwritten-file' if the file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path, self.trouble, self._torn = os.fspath(path), "", False
        self.setFormatter(JsonLines())
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            message = f"the log {self.path} cannot be written: {error.strerror}"
            raise Diagnostic("unwritten-file", message, exit_code=2) from error

    def emit(self, record: logging.LogRecord) -> None:
        data = f"{self.format(record)}\n".encode()
        if self._torn:
            data = b"\n" + data
        try:
            self._torn = os.write(self._file, data) < len(data)
            if self._torn:
                self.trouble = "no space left"
        except OSError as error:
            self.trouble = error.strerror or str(error)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        super().close()


@dataclass
class Log:
    """Where records go: to a file of their own, and to whatever handlers the logger `clq` has.

    In a worker elsewhere they are `kept` from `least` on, as they are sent to the process that runs the plan. `run`
    names the run that they are about.
    """

    file: Appending | None = None
    kept: list[dict[str, Any]] | None = None
    least: int = logging.DEBUG
    run: str = ""
    host: str = field(default_factory=platform.node)

    @property
    def heard(self) -> int:
        """The level from which on somebody hears of a record."""
        return logging.DEBUG if self.file is not None else LOGGER.getEffectiveLevel()

    def tell(self, level: int, event: str, **facts: Any) -> None:
        """Something has happened: `event` is its name, `facts` are JSON values."""
        if self.file is None and self.kept is None and not LOGGER.isEnabledFor(level):
            return
        shown = ", ".join(f"{name}={value}" for name, value in facts.items())
        more = {"event": event, "run": self.run, "host": self.host, "facts": facts}
        self._hand_on(LOGGER.makeRecord("clq", level, "clq", 0, f"{event}: {shown}", (), None, extra=more))

    def trouble(self) -> Iterator[str]:
        """What there is to say, once, of lines that could not be written."""
        if self.file is not None and self.file.trouble:
            yield f"the log {self.file.path} lacks lines: {self.file.trouble}"
            self.file.trouble = ""

    def close(self) -> None:
        """The file is closed; handlers of the logger go on."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def pass_on(self, records: Iterable[Mapping[str, Any]]) -> None:
        """What a worker elsewhere has kept."""
        for record in records:
            self._hand_on(logging.makeLogRecord(record))

    def _hand_on(self, record: logging.LogRecord) -> None:
        if self.kept is not None:
            if record.levelno >= self.least:
                self.kept.append(dict(vars(record)))
            return
        if self.file is not None:
            self.file.handle(record)
        if LOGGER.isEnabledFor(record.levelno):
            LOGGER.handle(record)
