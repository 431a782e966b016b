"""The log: whole lines whoever writes, the same facts as the trace and the measures, records for handlers of others."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_backends import finish, plan_of, resources_of
from toys import ToyScan, images, model

import clq
from clq.engine import log as logs
from clq.engine.backends import processes as processes_backend
from clq.engine.log import Appending, JsonLines, Log
from clq.engine.memory import consumed
from clq.engine.resources import Batch, Resources
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.engine.telling import Telling
from clq.engine.trace import Trace
from clq.engine.upkeep import sweep
from clq.lang.diagnostic import Diagnostic
from clq.ui.cli import main


@pytest.fixture(scope="module", autouse=True)
def no_worker_is_left() -> Iterator[None]:
    yield
    processes_backend.pool(2).shutdown(wait=True, kill_workers=True)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def telling(path: Path, trace: Trace | None = None) -> Telling:
    return Telling(trace, Log(Appending(path)))


@pytest.mark.parametrize("backend", ["inline", "processes"])
def test_log_trace_and_measures_agree(tmp_path: Path, backend: str) -> None:
    trace, store, root = Trace(tmp_path / "trace"), Store(tmp_path / "store"), plan_of()
    resources = resources_of(backend, telling=telling(tmp_path / "log", trace))
    store.telling = resources.telling
    with resources.telling.running("a script", "here"):
        measures = run(optimize([root], store), store, resources)
    told = lines_of(tmp_path / "log")
    of = {t["event"]: [u for u in told if u["event"] == t["event"]] for t in told}

    assert {t["key"]: t["seconds"] for t in of["operator_done"]} == {key: m.seconds for key, m in measures.items()}
    first = sorted((t["first"], t["stop"], t["images"]) for t in of["shard_done"] if t["round"] == 1)
    assert first == [(n, min(n + 6, 40), min(6, 40 - n)) for n in range(0, 40, 6)]
    for number, opened, finished in zip((1, 2), of["round_opened"], of["round_finished"], strict=True):
        shards = [t for t in of["shard_done"] if t["round"] == number]
        assert len(shards) == opened["lacking"] and opened["round"] == finished["round"] == number
        assert sum(t["images"] for t in shards) == opened["images"] == finished["decoded"] == (40, 9)[number - 1]
    spans = Counter(e["cat"] for e in trace.events if e["ph"] == "X")
    assert (spans["shard"], spans["round"]) == (len(of["shard_done"]), 2)
    assert spans["operator"] == sum(t["op"] in {"ToyTop", "ToyJoin"} for t in of["operator_done"]) == 2
    passes = sum(e["args"]["images"] for e in trace.events if e.get("cat") == "pass")
    assert passes == sum(t["images"] for t in of["operator_done"]) == 40 + 40 + 9

    here = {os.getpid()}
    assert {t["pid"] for t in of["plan_made"] + of["round_opened"]} == here
    assert ({t["pid"] for t in of["shard_done"]} == here) is (backend == "inline")
    assert {t["run"] for t in told} == {told[0]["run"]} and len(told[0]["run"]) == 12
    assert {len(t["operators"]) for t in of["shard_done"]} == {2, 1}
    stored = {t["key"]: t["bytes"] for t in of["artifact_stored"]}
    assert stored == {key: m.bytes for key, m in measures.items()}
    assert all(datetime.fromisoformat(t["time"]).utcoffset() == timedelta(0) for t in told)


def test_work_that_another_process_has_done_is_told_as_found(tmp_path: Path) -> None:
    store, root = Store(tmp_path / "store"), ToyScan(model(), images(20))
    plan = optimize([root], store)
    run(plan, store, resources_of("inline"))
    resources = resources_of("inline", telling=telling(tmp_path / "log"))
    (store.folder(root.key) / "artifact.json").unlink()
    next(store.folder(root.key).glob("00000006-*")).unlink()
    run(plan, Store(store.root), resources)
    told = lines_of(tmp_path / "log")
    assert [(t["first"], t["found"]) for t in told if t["event"] == "shard_done"] == [(6, False)]
    assert [(t["shards"], t["lacking"]) for t in told if t["event"] == "round_opened"] == [(4, 1)]


WRITER = """
import sys
from clq.engine.log import Appending, Log
log = Log(Appending(sys.argv[1]), run=sys.argv[2])
sys.stdin.readline()
for number in range(300):
    log.tell(20, "shard_done", number=number, operators=["x" * 100] * 200)
"""


def test_two_processes_in_one_file_leave_whole_lines(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """Lines of 20 KB, more than any buffer of a file writes at once."""
    log = tmp_path / "log"
    both = [start(WRITER, str(log), name) for name in ("one", "two")]
    said = [child.stdin and (child.stdin.write("go\n"), child.stdin.flush()) for child in both]
    assert all(said) and [child.communicate(timeout=60) and child.returncode for child in both] == [0, 0]
    found = lines_of(log)
    assert Counter(t["run"] for t in found) == {"one": 300, "two": 300}
    for name in ("one", "two"):
        assert [t["number"] for t in found if t["run"] == name] == list(range(300))
    assert len({t["pid"] for t in found}) == 2


class Heard(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    handler, logger, before = Heard(logging.INFO), logging.getLogger("clq"), logging.getLogger("clq").level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.setLevel(before)
    logger.removeHandler(handler)


@pytest.mark.parametrize("backend", ["inline", "processes"])
def test_handlers_of_the_logger_hear_what_workers_tell(tmp_path: Path, heard: Heard, backend: str) -> None:
    finish(plan_of(), Store(tmp_path), resources_of(backend))
    names = Counter(r.event for r in heard.records)
    assert names["shard_done"] == 7 + 6, "of the second round one shard has no image"
    assert names["plan_made"] == 1 and "artifact_stored" not in names, "that is of a level below"
    first = next(r for r in heard.records if r.event == "round_opened")
    assert first.getMessage().startswith("round_opened: round=1, dataset=toys40s0, images=40")
    assert json.loads(JsonLines().format(first))["images"] == 40


def test_nobody_who_does_not_listen_hears_anything(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    finish(plan_of(fatal=str(tmp_path / "dead")), Store(tmp_path / "store"), resources_of("processes"))
    assert capfd.readouterr().err == ""


def test_a_worker_that_dies_is_told(tmp_path: Path) -> None:
    resources = resources_of("processes", telling=telling(tmp_path / "log"))
    finish(plan_of(fatal=str(tmp_path / "dead")), Store(tmp_path / "store"), resources)
    told = lines_of(tmp_path / "log")
    assert [t["level"] for t in told if t["event"] == "worker_died"] in (["warning"], ["warning"] * 2)


class Greedy:
    """No more than two images fit."""

    def consume(self, batch: Batch) -> Any:
        if len(batch.indices) > 2:
            raise MemoryError
        return [{"index": batch.indices}]


def test_a_batch_that_is_halved_is_told(tmp_path: Path) -> None:
    import numpy as np

    resources = Resources(batch=8, telling=telling(tmp_path / "log"))
    consumed(Greedy(), Batch(np.arange(8), [np.zeros((1, 1, 3), np.uint8)] * 8), resources)
    told = [(t["event"], t["level"], t["images"], t["batch"]) for t in lines_of(tmp_path / "log")]
    assert told[:2] == [("batch_halved", "warning", 8, 4), ("batch_halved", "warning", 4, 2)]


def test_damage_and_clearing_up_are_told(tmp_path: Path) -> None:
    store, root = Store(tmp_path / "store"), ToyScan(model(), images(20))
    run(optimize([root], store), store, resources_of("inline"))
    store = Store(store.root)
    store.telling = telling(tmp_path / "log")
    next(store.folder(root.key).glob("00000006-*")).write_bytes(b"torn")
    assert store.find(root) is None
    sweep(store, 0, pretend=True)
    sweep(store, 0)
    told = lines_of(tmp_path / "log")
    assert [(t["event"], t["level"]) for t in told] == [("artifact_damaged", "warning"), ("swept", "info")]
    assert told[0]["key"] == root.key


def test_lines_that_cannot_be_written_cost_no_run_and_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, write = Log(Appending(tmp_path / "log")), os.write
    log.tell(logging.INFO, "one")
    monkeypatch.setattr(logs.os, "write", lambda file, data: write(file, data[:10]))
    log.tell(logging.INFO, "two")
    monkeypatch.setattr(logs.os, "write", write)
    log.tell(logging.INFO, "three")
    assert list(log.trouble()) == [f"the log {tmp_path / 'log'} lacks lines: no space left"]
    assert list(log.trouble()) == []
    whole = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(whole[n])["event"] for n in (0, 2)] == ["one", "three"]


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(Diagnostic) as caught:
        clq.connect(tmp_path / "store", log=tmp_path / "none" / "log")
    assert (caught.value.code, caught.value.exit_code) == ("unwritten-file", 2)


def test_what_went_wrong_is_told(tmp_path: Path) -> None:
    with clq.connect(tmp_path / "store", log=tmp_path / "log") as con:
        with pytest.raises(Diagnostic):
            con.run("SELECT * FROM nowhere")
        con.run("CREATE TABLE t AS SELECT 1 AS a")
    told = lines_of(tmp_path / "log")
    failed = next(t for t in told if t["event"] == "failed")
    assert (failed["code"], failed["level"], failed["exit_code"]) == ("sql-error", "error", 2)
    runs = [t["run"] for t in told if t["event"] == "run_began"]
    assert len(set(runs)) == 2 and failed["run"] == runs[0]
    committed = [t for t in told if t["event"] == "committed" and t["run"] == runs[1]]
    assert len(committed) == 1 and committed[0]["bytes"] == (tmp_path / "store" / "clq.duckdb").stat().st_size


def test_the_variable_and_commands_that_keep_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLQ_LOG", str(tmp_path / "log"))
    assert CliRunner().invoke(main, ["cache", "gc", "--store", str(tmp_path / "store")]).exit_code == 0
    given = ["--log", str(tmp_path / "other"), "cache", "gc", "--store", str(tmp_path / "store")]
    assert CliRunner().invoke(main, given).exit_code == 0
    assert [t["event"] for t in lines_of(tmp_path / "log")] == ["swept"]
    assert [t["event"] for t in lines_of(tmp_path / "other")] == ["swept"]
