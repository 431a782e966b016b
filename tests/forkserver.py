"""A process that has imported everything and forks for each trial: a trial then costs milliseconds.

Run as a script with the names of modules to import. Each line of input is a request, each line of output its reply.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import mmap
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_phase = mmap.mmap(-1, 256)  # shared with the children: it outlives them
_begun: int | None = None


def begun() -> None:
    """Called in a child when the work has begun that it may be killed in."""
    global _begun
    if _begun is not None:
        os.write(_begun, b"!")
        _begun = None


def phase(name: str) -> None:
    """Called in a child: what it has come to, which can be asked when it is dead."""
    data = name.encode()[:255]
    _phase[: len(data) + 1] = data + b"\0"


# ------------------------------------------------------------ the server


@dataclass
class _Child:
    process: int
    begun: int


def _child(request: Mapping[str, Any], pipe: int) -> None:
    global _begun
    _begun = pipe
    code = 70
    try:
        for name, number in (("stdout", 1), ("stderr", 2)):
            target = os.open(request.get(name) or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            os.dup2(target, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if request.get("user") is not None:
            os.setgroups([])
            os.setgid(request["user"])
            os.setuid(request["user"])
        if request.get("folder"):
            os.chdir(request["folder"])
        module, _, function = request["call"].partition(":")
        code = int(getattr(importlib.import_module(module), function)(*request["args"]) or 0)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _serve() -> None:
    for name in sys.argv[1:]:
        importlib.import_module(name)
    children: dict[int, _Child] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "call" in request:
            phase("start")
            read, write = os.pipe()
            process = os.fork()
            if not process:
                os.close(read)
                _child(request, write)
            os.close(write)
            children[process] = _Child(process, read)
            reply: Any = process
        else:
            child = children[request["process"]]
            if request.get("kill_after") is not None and os.read(child.begun, 1):
                time.sleep(request["kill_after"])
                os.kill(child.process, signal.SIGKILL)
            _, status = os.waitpid(child.process, 0)
            os.close(child.begun)
            reply = [os.waitstatus_to_exitcode(status), _phase[:].split(b"\0")[0].decode()]
        print(json.dumps(reply), flush=True)


# ------------------------------------------------------------ the tests' side


@dataclass
class Ended:
    """How a child ended: its exit code, negative for a signal; the last phase that any child came to."""

    code: int
    phase: str
    out: str
    err: str


@dataclass
class ForkServer:
    """`start` a function in a fork, `wait` for it; `run` does both."""

    server: subprocess.Popen[str]
    folder: Path
    _outputs: dict[int, tuple[Path, Path]] = field(default_factory=dict)
    _number: int = 0

    def start(self, call: str, *args: Any, user: int | None = None, folder: Path | None = None) -> int:
        self._number += 1
        out, err = self.folder / f"out{self._number}", self.folder / f"err{self._number}"
        where = None if folder is None else str(folder)
        request = {"call": call, "args": args, "user": user, "stdout": str(out), "stderr": str(err), "folder": where}
        process: int = self._ask(request)
        self._outputs[process] = out, err
        return process

    def wait(self, process: int, kill_after: float | None = None) -> Ended:
        """Until it has ended. With `kill_after`, kill it that many seconds after its work has begun."""
        code, last = self._ask({"process": process, "kill_after": kill_after})
        out, err = (p.read_text() if p.exists() else "" for p in self._outputs.pop(process))
        return Ended(code, last, out, err)

    def run(self, call: str, *args: Any, kill_after: float | None = None, **how: Any) -> Ended:
        return self.wait(self.start(call, *args, **how), kill_after)

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        reply = self.server.stdout.readline()
        assert reply, "the fork server has died"
        return json.loads(reply)


@contextmanager
def forkserver(folder: Path, *modules: str, below: str) -> Iterator[ForkServer]:
    """A server with these modules imported, from a folder `below` tests too; its children write into `folder`."""
    tests = Path(__file__).parent
    paths = [str(tests), str(tests / below), os.environ.get("PYTHONPATH") or ""]
    code = "import sys, forkserver; sys.modules['__main__'] = forkserver; forkserver._serve()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, *modules], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )  # fmt: skip
    try:
        assert server.stdout is not None and server.stdout.readline() == "ready\n"
        yield ForkServer(server, folder)
    finally:
        if server.stdin is not None:
            server.stdin.close()
        server.wait()
