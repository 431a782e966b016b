"""Who computes, as a user says it: SET, options, Python; and the lab's own models in several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import clq
from clq.engine.backends import dask as dask_backend
from clq.engine.backends import processes as processes_backend
from clq.engine.resources import Spread
from clq.lang import Diagnostic

# Two shards, two rounds, gradients in the second.
QUERY = """
EXPLAIN layer1 OF labnet ON lab.probe[0:600] USING clip_dissect(top_k=10) WITH ['boat', 'car'];
EXPLAIN fc[8, 10] OF labnet ON lab.probe[0:600] USING falcon CONTRAST low CAPTIONED BY lab.captions[0:300]
"""


@pytest.fixture(scope="module", autouse=True)
def no_worker_is_left() -> Iterator[None]:
    yield
    dask_backend._close()
    processes_backend.pool(2).shutdown(wait=True, kill_workers=True)


def objects(root: Path) -> set[str]:
    """Every file that holds data; its name holds the digest of it."""
    return {f"{p.parent.name}/{p.name}" for p in root.glob("objects/*/*/[!.]*-*")}


def test_the_lab_gives_the_same_bits_wherever_it_is_computed(tmp_path: Path) -> None:
    """Each forward has one thread here (conftest.py), in every process."""
    found: dict[str, Any] = {}
    for backend in ("inline", "processes", "dask"):
        with clq.connect(tmp_path / backend, backend=backend, workers=None if backend == "inline" else 2) as con:
            results = con.run(QUERY)
            found[backend] = objects(tmp_path / backend), con.counts, [r.arrow() for r in results]
    for backend in ("processes", "dask"):
        assert found[backend][0] == found["inline"][0]
        assert found[backend][1] == found["inline"][1]
        assert found[backend][2] == found["inline"][2]
    assert found["inline"][1]["decoded"] > 600 and len(found["inline"][0]) > 12


def test_plan_analyze_counts_all_workers_together(tmp_path: Path) -> None:
    query = "EXPLAIN layer1 OF labnet ON lab.probe[600:1200] USING clip_dissect(top_k=10) WITH ['boat', 'car']"
    with clq.connect(tmp_path, workers=2) as con:
        plan = con.run(f"PLAN ANALYZE {query}").last.plan
        assert (con.counts["decoded"], con.counts["forward labnet"], con.counts["forward labclip"]) == (600, 600, 600)
    measures = [m for m in plan.measures.values() if m.images]
    assert [m.images for m in measures] == [600, 600] and all(m.seconds > 0 and m.rows == 600 for m in measures)


def spread(*statements: str, **given: Any) -> Spread:
    with clq.connect(**given) as con:
        for statement in statements:
            con.run(statement)
        return con.resources.spread


def test_who_computes() -> None:
    assert spread() == Spread("inline")
    assert spread("SET backend = 'processes'") == Spread("processes")
    assert spread("SET backend = processes; SET workers = 3") == Spread("processes", 3)
    assert spread("SET workers = 3") == Spread("processes", 3)
    assert spread("SET workers = 1") == Spread("inline")
    assert spread("SET backend = 'tcp://10.0.0.1:8786'") == Spread("tcp://10.0.0.1:8786")
    assert spread(backend="dask", workers=2) == Spread("dask", 2)
    assert spread("SET workers = 4", "RESET workers", backend="dask", workers=2) == Spread("dask", 2)
    assert spread("SET backend = inline; SET workers = 1", "RESET backend") == Spread("inline")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SET backend = 'cloud'", "backend is one of inline, processes, dask"),
        ("SET backend = 3", "backend is one of"),
        ("SET workers = 0", "workers is a whole number from 1 on"),
        ("SET workers = 'many'", "workers is a whole number from 1 on"),
        ("SET backend = 'inline'; SET workers = 4", "inline is this process alone"),
        ("SET backend = 'tcp://10.0.0.1:8786'; SET workers = 4", "has the workers that it has"),
    ],
)
def test_what_does_not_go(statement: str, said: str) -> None:
    with pytest.raises(Diagnostic) as caught:
        spread(statement)
    assert caught.value.code == "bad-argument" and said in caught.value.message and caught.value.exit_code == 2
    assert caught.value.position() is not None


def test_what_does_not_go_from_python() -> None:
    for given in ({"backend": "cloud"}, {"workers": 0}, {"backend": "inline", "workers": 2}):
        with pytest.raises(Diagnostic, match=r"backend|workers"):
            clq.connect(**given)


def test_without_dask_its_absence_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with clq.connect(tmp_path, backend="dask") as con, pytest.raises(Diagnostic) as caught:
        con.run("EXPLAIN layer1 OF labnet ON lab.probe[0:8] USING clip_dissect(top_k=2) WITH ['boat', 'car']")
    assert caught.value.code == "no-workers" and "clq[dask]" in (caught.value.hint or "")


def test_the_options_and_ctrl_c_on_a_terminal(tmp_path: Path) -> None:
    """A terminal sends it to every process of the command."""
    command = [sys.executable, "-m", "clq", "-c", "EXPLAIN layer4 OF labnet WITH ['boat']", "--store", "s"]
    process = subprocess.Popen(
        [*command, "--backend", "processes", "--workers", "2"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and not list((tmp_path / "s").glob("objects/*/*/*.safetensors")):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip() == "interrupted: what was finished is kept, the same command goes on from there"
    assert [p for pattern in (".*", "claims/*", "running/*.json") for p in (tmp_path / "s").rglob(pattern)] == []


def test_an_option_that_does_not_go(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clq", "-c", "SHOW MODELS", "--backend", "cloud"], cwd=tmp_path, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 2 and "bad-argument" in done.stderr and "Traceback" not in done.stderr
