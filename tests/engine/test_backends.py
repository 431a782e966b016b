"""The same plan in this process, in several, and on a dask cluster: the same bits, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_reuse import ToyRows
from toys import ToyCrops, ToyJoin, ToySample, ToyScan, ToyTop, expected, images, lines, model, rows

from clq.engine.backends import dask as dask_backend
from clq.engine.backends import processes as processes_backend
from clq.engine.leases import lease, running
from clq.engine.operator import Source
from clq.engine.resources import Callback, Resources, Spread
from clq.engine.run import optimize, run
from clq.engine.schedule import Joined, Lost, Task
from clq.engine.store import Store
from clq.engine.telling import Telling
from clq.engine.trace import Trace
from clq.engine.unread import Unreadable
from clq.lang.diagnostic import Diagnostic

Start = Callable[..., "subprocess.Popen[str]"]
SEVERAL = ("processes", "dask")


@pytest.fixture(scope="module", autouse=True)
def no_worker_is_left() -> Iterator[None]:
    yield
    dask_backend._close()
    processes_backend.pool(2).shutdown(wait=True, kill_workers=True)


def resources_of(backend: str, **more: Any) -> Resources:
    return Resources(batch=3, workers=1, shard=6, spread=Spread(backend, None if backend == "inline" else 2), **more)


def plan_of(count: int = 40, **of_model: Any) -> ToyJoin:
    """Two rounds, two models, an operator between."""
    data = images(count)
    scan = ToyScan(model(3, **of_model), data)
    return ToyJoin((scan, ToyScan(model(5), data), ToyCrops(model(3), data, ToyTop(scan, 9))))


def finish(root: ToyJoin, store: Store, resources: Resources) -> None:
    run(optimize([root], store), store, resources)
    assert rows(Store(store.root), root) == expected(root)


def objects(store: Store) -> set[str]:
    """Every file that holds data; its name holds the digest of it."""
    return {f"{p.parent.name}/{p.name}" for p in store.root.glob("objects/*/*/[!.]*-*")}


def nothing_aside(store: Store) -> bool:
    return not [*store.root.rglob(".*"), *store.root.glob("claims/*"), *store.root.glob("running/*")]


@pytest.mark.parametrize("backend", SEVERAL)
def test_the_same_bits_counts_and_progress_as_in_this_process(tmp_path: Path, backend: str) -> None:
    seen: dict[str, Any] = {}
    for name in ("inline", backend):
        told: list[tuple[str, int, int]] = []
        resources = resources_of(name, progress=Callback(lambda *t, told=told: told.append(t)))
        store = Store(tmp_path / name)
        finish(plan_of(), store, resources)
        last = {title: (done, total) for title, done, total in told}
        seen[name] = objects(store), dict(resources.counts), last
        assert nothing_aside(store)
    assert seen[backend] == seen["inline"]
    assert seen["inline"][1] == {"rounds": 2, "decoded": 49, "forward toy3": 40, "forward toy5": 40, "crops toy3": 9}
    assert set(seen[backend][2].values()) == {(40, 40), (9, 9)}


@pytest.mark.parametrize("backend", SEVERAL)
def test_a_second_run_opens_nothing_and_a_resumed_one_reads_the_rest(tmp_path: Path, backend: str) -> None:
    store, root = Store(tmp_path), plan_of()
    finish(root, store, resources_of("inline"))
    scan = root.parts[0]
    (store.folder(scan.key) / "artifact.json").unlink()
    next(store.folder(scan.key).glob("00000012-*")).unlink()
    (store.folder(root.key) / "artifact.json").unlink()
    resources = resources_of(backend)
    finish(root, Store(tmp_path), resources)
    assert resources.counts["decoded"] == 6


@pytest.mark.parametrize("backend", SEVERAL)
def test_an_unreadable_image_is_told_as_in_this_process(tmp_path: Path, backend: str) -> None:
    found = []
    for name in ("inline", backend):
        store = Store(tmp_path / name)
        with pytest.raises(Diagnostic) as caught:
            run(optimize([ToyScan(model(), images(20, broken=(13,)))], store), store, resources_of(name))
        found.append((caught.value.code, caught.value.exit_code, str(caught.value)))
        assert range(0, 6) in Store(store.root).shards(ToyScan(model(), images(20))) and nothing_aside(store)
    assert found[0] == found[1] and "image_13.png" in found[0][2]


def test_unreadable_images_that_are_left_out_are_all_told(tmp_path: Path) -> None:
    spec = ToySample(tuple(range(30)), broken=(4, 17, 18))
    data = Source("dataset", "broken", "broken", spec, spec.identities)

    for backend in ("inline", "processes"):
        store = Store(tmp_path / backend)
        with pytest.raises(Unreadable) as caught:
            run(optimize([ToyRows(model(), data)], store), store, resources_of(backend, lenient=True))
        assert sorted(caught.value.reasons) == [4, 17, 18]
        assert {str(e) for e in caught.value.reasons.values()} == {"cut off"}


def test_rows_that_workers_take_from_earlier_artifacts_are_kept_by_the_run(tmp_path: Path) -> None:
    def scan_of(*chosen: int, pause: float = 0.0) -> ToyRows:
        spec = ToySample(chosen)
        return ToyRows(model(pause=pause), Source("dataset", f"sample {chosen}", "sample", spec, spec.identities))

    store, kept = Store(tmp_path), []
    earlier, later = scan_of(*range(6)), scan_of(*range(24), pause=0.1)
    run(optimize([earlier], store), store, resources_of("inline"))

    def look() -> None:
        while len(list(store.folder(later.key).glob("*.safetensors"))) < 2:
            time.sleep(0.01)
        kept.extend(key for plan in running(tmp_path) for key in plan.keys or ())

    resources = resources_of("processes")
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    with lease(store.root, [later.key], "later"):
        run(optimize([later], store), store, resources)
    thread.join()
    assert earlier.key in kept and resources.counts["decoded"] == 18


@pytest.mark.parametrize("backend", SEVERAL)
def test_a_worker_that_dies_costs_its_shard_and_nothing_else(tmp_path: Path, backend: str) -> None:
    store, resources = Store(tmp_path / "store"), resources_of(backend)
    finish(plan_of(fatal=str(tmp_path / "dead")), store, resources)
    assert len(lines(tmp_path / "dead")) == 1
    inline = Store(tmp_path / "inline")
    finish(plan_of(), inline, resources_of("inline"))
    assert objects(store) == objects(inline) and list(store.root.glob("claims/*")) == []


def test_a_worker_of_dask_that_is_killed_in_the_middle_of_a_run(tmp_path: Path) -> None:
    """From outside, as a machine goes down; the cluster starts another process in its place."""
    root = plan_of(60, pause=0.1)
    store, killed = Store(tmp_path / "store"), []

    def kill() -> None:
        scan = root.parts[0]
        while len(list(store.folder(scan.key).glob("*.safetensors"))) < 2:
            time.sleep(0.01)
        ((cluster, _),) = dask_backend._kept.values()
        killed.append(cluster.workers[0].pid)
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    resources = resources_of("dask")
    finish(root, store, resources)
    thread.join()
    inline = Store(tmp_path / "inline")
    finish(plan_of(60), inline, resources_of("inline"))
    assert len(killed) == 1 and objects(store) == objects(inline)
    assert resources.counts["decoded"] <= 69 + 6, "at most the shard of the dead is read twice"


class Lonely:
    """A future whose result lay in the memory of a worker that is gone, and the client of its cluster."""

    status = "finished"

    def __init__(self) -> None:
        self.asked, self.cancelled = 0, False

    def submit(self, *given: Any, **how: Any) -> Lonely:
        return self

    def add_done_callback(self, tell: Any) -> None:
        tell(self)

    def result(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "it would wait for ever"
        self.asked += 1
        raise TimeoutError

    def cancel(self) -> None:
        self.cancelled = True

    def nthreads(self) -> dict[str, int]:
        return {"tcp://one": 1} if self.asked < 2 else {}


def test_a_worker_of_dask_that_dies_with_its_answer(tmp_path: Path) -> None:
    gone = Lonely()
    cluster = dask_backend.Cluster(gone, SimpleNamespace(name="job"))  # type: ignore[arg-type]
    assert cluster.next() == Joined("tcp://one")
    cluster.give("tcp://one", Task(0, 0), wait=False)
    assert cluster.next() == Lost("tcp://one")
    assert gone.asked == 2 and gone.cancelled and cluster.given == {}


def test_work_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(Diagnostic) as caught:
        run(optimize([ToyScan(model(3, fatal=str(tmp_path / "dead"), deaths=99), images(6))], store), store,
            resources_of("processes"))  # fmt: skip
    assert (caught.value.code, caught.value.exit_code) == ("no-workers", 1)
    assert len(lines(tmp_path / "dead")) == 3


@pytest.mark.parametrize("backend", SEVERAL)
def test_a_trace_tells_the_processes_apart(tmp_path: Path, backend: str) -> None:
    trace = Trace(tmp_path / "trace.json")
    resources = resources_of(backend, telling=Telling(trace))
    finish(plan_of(pause=0.05), Store(tmp_path / "store"), resources)
    events = trace.events
    of = {kind: {e["pid"] for e in events if e.get("cat") == kind} for kind in ("round", "pass", "write", "operator")}
    assert of["round"] == {os.getpid()} and len(of["pass"]) == 2 and os.getpid() not in of["pass"] | of["operator"]
    names = {e["pid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    assert set(names) == of["round"] | of["pass"] and names[os.getpid()] == "clq"
    rounds = [e for e in events if e.get("cat") == "round"]
    for event in events:
        if event.get("cat") == "pass":  # one clock for all: each lies within a round
            assert any(r["ts"] - 1e5 <= event["ts"] <= r["ts"] + r["dur"] + 1e5 for r in rounds)


def test_a_scheduler_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dask

    store = Store(tmp_path)
    with dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}), pytest.raises(Diagnostic) as caught:
        run(optimize([plan_of()], store), store, resources_of("tcp://127.0.0.1:9"))
    assert caught.value.code == "no-workers" and "127.0.0.1:9" in caught.value.message


# ------------------------------------------------------------ stopping

RUNS = """
import os, sys
from pathlib import Path
from clq.engine.resources import Resources, Spread
from clq.engine.run import optimize, run
from clq.engine.schedule import Joined, Lost, Task
from clq.engine.store import Store
from toys import ToyScan, images, model

def main():
    where, log, backend, pause = sys.argv[1:]
    store = Store(Path(where))
    scan = ToyScan(model(3, pause=float(pause)), images(60, log=log))
    spread = Spread(backend, None if backend == "inline" else 2)
    resources = Resources(batch=2, workers=1, shard=6, spread=spread)
    try:
        run(optimize([scan], store), store, resources)
    except KeyboardInterrupt:
        print("stopped", flush=True)
        sys.exit(130)
    print("done", resources.counts["decoded"], flush=True)

if __name__ == "__main__":
    main()
"""


def wait_for(what: Callable[[], bool], child: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def all_end(processes: list[int]) -> bool:
    end = time.monotonic() + 30
    while any(map(alive, processes)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, processes))


def children(process: int) -> list[int]:
    """All processes below one."""
    out = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in out.splitlines()]
    found = [p for p, parent in pairs if parent == process]
    return found + [c for p in found for c in children(p)]


@pytest.mark.parametrize("backend", SEVERAL)
def test_ctrl_c_stops_all_workers_and_what_was_finished_is_kept(tmp_path: Path, start: Start, backend: str) -> None:
    log, where = tmp_path / "log", tmp_path / "store"
    child = start(RUNS, str(where), str(log), backend, "0.5")
    try:
        wait_for(lambda: len(lines(log)) > 20, child)
        workers = children(child.pid)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (child.returncode, out) == (130, "stopped\n"), err
    assert "Traceback" not in err, err
    assert workers and all_end(workers)
    store, scan = Store(where), ToyScan(model(3), images(60))
    assert store.shards(scan) and nothing_aside(store)
    finish_one(scan, store)


def finish_one(scan: ToyScan, store: Store) -> None:
    run(optimize([scan], store), store, resources_of("inline"))
    assert rows(Store(store.root), scan) == expected(scan)


def test_workers_end_with_a_process_that_is_killed(tmp_path: Path, start: Start) -> None:
    log, where = tmp_path / "log", tmp_path / "store"
    child = start(RUNS, str(where), str(log), "processes", "0.1")
    try:
        wait_for(lambda: len(lines(log)) > 12, child)
        workers = children(child.pid)
    finally:
        child.kill()
        child.communicate()
    assert workers and all_end(workers)
    finish_one(ToyScan(model(3), images(60)), Store(where))


# ------------------------------------------------------------ several processes on one store


@pytest.mark.parametrize("backends", [("inline", "inline"), ("inline", "processes")])
def test_two_processes_decode_each_image_once_between_them(
    tmp_path: Path, start: Start, backends: tuple[str, str]
) -> None:
    log, where = tmp_path / "log", tmp_path / "store"
    both = [start(RUNS, str(where), str(log), backend, "0.05") for backend in backends]
    said = [child.communicate(timeout=90) for child in both]
    done = [int(out.split()[1]) for out, _ in said]
    assert sorted(lines(log)) == list(range(60)), said
    assert sum(done) == 60
    scan = ToyScan(model(3), images(60))
    assert rows(Store(where), scan) == expected(scan) and nothing_aside(Store(where))


def test_two_processes_share_the_work_of_a_running_one(tmp_path: Path, start: Start) -> None:
    """The second begins in the middle of the first, which holds a shard: it takes others, and both have a part."""
    log, where = tmp_path / "log", tmp_path / "store"
    first = start(RUNS, str(where), str(log), "inline", "0.2")
    wait_for(lambda: len(lines(log)) > 3, first)
    second = start(RUNS, str(where), str(log), "inline", "0.2")
    done = [int(child.communicate(timeout=90)[0].split()[1]) for child in (first, second)]
    assert sum(done) == 60 and all(done) and sorted(lines(log)) == list(range(60))


def test_a_process_takes_over_what_another_one_held_when_it_was_killed(tmp_path: Path, start: Start) -> None:
    log, where = tmp_path / "log", tmp_path / "store"
    first = start(RUNS, str(where), str(log), "inline", "0.2")
    wait_for(lambda: len(lines(log)) > 8, first)  # in its second shard
    second = start(RUNS, str(where), str(tmp_path / "second"), "inline", "0.05")
    wait_for(lambda: len(lines(tmp_path / "second")) > 3, second)
    first.kill()
    first.communicate()
    out, err = second.communicate(timeout=90)
    assert out.startswith("done"), err
    scan = ToyScan(model(3), images(60))
    assert rows(Store(where), scan) == expected(scan) and nothing_aside(Store(where))
    before = set(lines(log))
    twice = before & set(lines(tmp_path / "second"))
    assert len(twice) <= 6, "at most the shard of the dead is read twice"
