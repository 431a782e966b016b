"""Ctrl-C once: a clean stop that can be taken up. Twice: the end, at once, whatever is being waited for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

LONG = (
    "EXPLAIN layer1, layer2, layer3, layer4 OF labnet ON lab.probe[0:700] "
    "USING clip_dissect(top_k=8, top=1) WITH ['boat', 'car']"
)
# A step that no exception stops: the main thread stays in one call of C, which takes signals in its own time.
STUCK = """
import ctypes, sys, threading
import clq.ui.computing
from clq.ui.cli import main

def stuck(*args):
    blocked = (ctypes.c_ulong * 16)(2)  # SIGINT, for this thread: the watcher's still gets it
    ctypes.CDLL(None).pthread_sigmask(0, blocked, None)
    threading.Timer(1, print, ["stuck"], {"file": sys.stderr, "flush": True}).start()
    ctypes.CDLL(None).sleep(600)

clq.ui.computing.run = stuck
main(sys.argv[1:])
"""


def until_shards(store: Path) -> None:
    """Wait until the first shard is whole."""
    end = time.monotonic() + 90
    while not any(store.glob("objects/*/*/0*.safetensors")):
        assert time.monotonic() < end
        time.sleep(0.02)


def started(store: Path, *before: str) -> subprocess.Popen[str]:
    command = [sys.executable, *(before or ("-m", "clq")), "-c", LONG, "--store", str(store)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_first_stops_cleanly_and_the_run_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "store"
    child = started(store)
    try:
        until_shards(store)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGINT)  # as timeout(1) and the like send it on: the same press
        _, told = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130
    assert "interrupted: what was finished is kept" in told and "Traceback" not in told
    assert not any(p for p in store.rglob(".*") if p.is_file()) and not any(store.glob("running/*.json"))
    kept = {p: p.stat().st_mtime_ns for p in store.glob("objects/*/*/0*.safetensors")}
    done = subprocess.run(
        [sys.executable, "-m", "clq", "-c", LONG, "--store", str(store), "--format", "json"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0 and len(json.loads(done.stdout)) > 0
    assert all(p.stat().st_mtime_ns == made for p, made in kept.items()), "what was finished was not made again"


@pytest.mark.parametrize("waits", ["in a call of C", "on a terminal"])
def test_the_second_ends_it_at_once(tmp_path: Path, waits: str) -> None:
    command = ["-c", STUCK, "-c", LONG, "--store", str(tmp_path / "store")]
    if waits == "on a terminal":
        terminal = pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=90, env={**os.environ})
        terminal.expect("stuck")
        terminal.sendintr()
        time.sleep(0.4)
        terminal.sendintr()
        terminal.expect("stopped at once: what was finished is kept")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 130
    else:
        child = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
        try:
            assert child.stderr is not None
            while "stuck" not in child.stderr.readline():
                assert child.poll() is None
            child.send_signal(signal.SIGINT)
            time.sleep(0.4)
            assert child.poll() is None, "the first waits for what is being done"
            child.send_signal(signal.SIGINT)
            _, told = child.communicate(timeout=30)
        finally:
            child.kill()
        assert child.returncode == 130 and "stopped at once" in told and "Traceback" not in told
    done = subprocess.run(
        [sys.executable, "-m", "clq", "ps", "--store", str(tmp_path / "store"), "--format", "json"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == []


def test_on_a_terminal_the_first_leaves_it_clean(tmp_path: Path) -> None:
    store = tmp_path / "store"
    terminal = pexpect.spawn(
        sys.executable, ["-m", "clq", "-c", LONG, "--store", str(store)], encoding="utf-8", timeout=90,
    )  # fmt: skip
    until_shards(store)
    terminal.sendintr()
    terminal.expect("interrupted: what was finished is kept, the same command goes on from there")
    terminal.expect(pexpect.EOF)
    assert "Traceback" not in (terminal.before or "")
    terminal.close()
    assert terminal.exitstatus == 130
