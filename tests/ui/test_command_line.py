"""The command line as a person meets it: output, exit codes, and what is imported when."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

import clq
from clq.lang.errors import PAGES

PROBE = "ON lab.probe[0:96]"
QUERY = f"EXPLAIN layer1 OF labnet {PROBE} USING clip_dissect(top_k=20, top=2) WITH lab.words"


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clq", *args], capture_output=True, text=True, cwd=cwd, timeout=300
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which QUERY has been run."""
    path = tmp_path_factory.mktemp("ui") / "store"
    with clq.connect(path) as con:
        con.run(QUERY)
    return path


def test_json_of_one_result_is_an_array_of_rows(store: Path, tmp_path: Path) -> None:
    done = run("-c", QUERY, "--store", str(store), "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == 48
    assert rows[0] | {"concept": None, "score": None, "run": None} == {
        "model": "labnet", "layer": "layer1", "kind": "unit", "unit": 0, "target": "layer1[0] OF labnet", "units": None,
        "rank": 1, "concept": None, "score": None, "low": None, "high": None, "coherence": None, "images": None,
        "method": "clip_dissect",
        "args": {"top_k": 20, "top": 2}, "run": None,
    }  # fmt: skip


def test_json_of_several_results_is_a_line_each(store: Path, tmp_path: Path) -> None:
    text = f"{QUERY} WHERE rank = 1 INTO named; SELECT count(*) AS n FROM named"
    done = run("-c", text, "--store", str(store), "--format", "json", cwd=tmp_path)
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["table"], len(first["rows"])) == ("named", 24)
    assert second == {"table": None, "rows": [{"n": 24}]}
    assert "table named: 24 rows, evidence in named_evidence" in done.stderr


def test_table_says_constants_once_and_leaves_out_what_is_empty(store: Path, tmp_path: Path) -> None:
    done = run("-c", QUERY, "--store", str(store), cwd=tmp_path)
    head = done.stdout.splitlines()[0]
    assert "model: labnet" in head and "layer: layer1" in head and "method: clip_dissect" in head
    columns = next(line for line in done.stdout.splitlines() if "concept" in line).split()
    assert columns == ["unit", "rank", "concept", "score"]


def test_csv_and_parquet(store: Path, tmp_path: Path) -> None:
    done = run("-c", QUERY, "--store", str(store), "--format", "csv", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("model,layer,kind,unit,target,") and len(lines) == 49
    with open(tmp_path / "rows.parquet", "wb") as out:
        subprocess.run(
            [sys.executable, "-m", "clq", "-c", QUERY, "--store", str(store), "--format", "parquet"],
            stdout=out, check=True, cwd=tmp_path, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    assert pq.read_table(tmp_path / "rows.parquet").num_rows == 48


def test_table_of_the_same_query_keeps_its_name_and_another_tail_gets_another(store: Path, tmp_path: Path) -> None:
    def name(query: str) -> str:
        return run("-c", query, "--store", str(store), cwd=tmp_path).stderr.split()[1]

    plain, again, first = name(QUERY), name(QUERY), name(f"{QUERY} WHERE rank = 1")
    assert plain == again != first
    assert plain.startswith("explain_")


def test_a_parameter_in_the_tail_is_part_of_the_name(store: Path, tmp_path: Path) -> None:
    query = f"{QUERY} WHERE rank <= $n"
    counts = []
    for n in ("1", "2"):
        done = run("-c", query, "--param", f"n={n}", "--store", str(store), "--format", "json", cwd=tmp_path)
        counts.append((len(json.loads(done.stdout)), done.stderr.split()[1]))
    assert [c for c, _ in counts] == [24, 48]
    assert counts[0][1] != counts[1][1]


def test_finished_script_runs_again_without_torch_or_a_pass(store: Path, tmp_path: Path) -> None:
    script = (
        "import sys, clq\n"
        f"with clq.connect({str(store)!r}) as con:\n"
        f"    con.run({QUERY!r})\n"
        "    assert con.counts == {}, con.counts\n"
        "banned = {'torch', 'torchvision', 'open_clip', 'nltk', 'scipy'} & set(sys.modules)\n"
        "assert not banned, banned\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)


HELP = [("--help",), ("check", QUERY), ("show", "--help"), ("help", "unknown-layer"), ("help",)]


@pytest.mark.parametrize("args", HELP)
def test_help_and_check_import_nothing_heavy(args: tuple[str, ...], tmp_path: Path) -> None:
    script = (
        "import sys\nfrom clq.ui.cli import main\n"
        f"sys.argv = ['clq', *{args!r}]\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "banned = {'torch', 'torchvision', 'open_clip', 'nltk', 'duckdb', 'networkx', 'pandas'} & set(sys.modules)\n"
        "assert not banned, banned\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [], "nothing is written"


def test_help_without_a_code_lists_them_all(tmp_path: Path) -> None:
    done = run("help", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and "clq help CODE" in " ".join(lines)
    for page in PAGES.values():
        assert [line for line in lines if line.split()[:1] == [page.code] and line.endswith(page.title)], page.code


@pytest.mark.parametrize("text", ["", "  ", "/* nothing yet */ ;"])
def test_nothing_to_run_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "empty.clq").write_text(text)
    for args, said in ((("-c", text), ""), (("sql", text), ""), (("run", "empty.clq"), "empty.clq: ")):
        done = run(*args, "--store", "s", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{said}there is nothing to run\n")


def test_dry_run_and_plan_compute_nothing(tmp_path: Path) -> None:
    (tmp_path / "q.clq").write_text(QUERY)
    for args in (("run", "q.clq", "--dry-run"), ("plan", "q.clq")):
        done = run(*args, "--store", "s", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "round 1: every image of lab.probe[…] decoded once" in done.stdout
        assert "labnet forward" in done.stdout and "labclip image embedding" in done.stdout
        assert "default judge: labclip (what labnet comes with)" in done.stdout
    assert not list((tmp_path / "s" / "objects").iterdir())


def test_sql_and_show(store: Path, tmp_path: Path) -> None:
    done = run("sql", "SELECT 1 + 1 AS two", "--store", str(store), "--format", "csv", cwd=tmp_path)
    assert done.stdout == "two\n2\n"
    done = run("show", "layers", "of", "labnet", "--format", "csv", cwd=tmp_path)
    assert "labnet,layer4,192" in done.stdout


def test_doctor_names_versions_device_store_and_weights(store: Path, tmp_path: Path) -> None:
    done = run("doctor", "--store", str(store), cwd=tmp_path)
    assert done.returncode == 0
    for word in ("python", "torch", "duckdb", "device", str(store), "lab weights"):
        assert word in done.stdout


def test_interrupt_ends_with_130_and_keeps_the_store(tmp_path: Path) -> None:
    import signal
    import time

    command = [sys.executable, "-m", "clq", "-c", "EXPLAIN layer4 OF labnet WITH lab.words", "--store", "s"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list((tmp_path / "s").glob("objects/*/*/*.safetensors")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err and "goes on from there" in err


def test_options_before_a_command_count_for_it(store: Path, tmp_path: Path) -> None:
    text = "SELECT $n + 1 AS more, count(*) > 0 AS ran FROM clq.meta.runs"
    done = run("--store", str(store), "--format", "csv", "--param", "n=4", "sql", text, cwd=tmp_path)
    assert done.stdout == "more,ran\n5,True\n", done.stderr
    done = run("--format", "csv", "sql", "SELECT 1 AS one", "--format", "json", cwd=tmp_path)
    assert done.stdout == '[{"one": 1}]\n'


def test_units_without_a_concept_are_counted_and_explained(tmp_path: Path) -> None:
    query = f"EXPLAIN layer1[0:3] OF labnet {PROBE} USING clip_dissect(top_k=20, floor=0.99) WITH lab.words"
    done = run("-c", query, "--store", "s", cwd=tmp_path)
    assert "3 of 3 units have no concept" in done.stderr and "floor=null" in done.stderr
    assert done.stdout.count("NULL") == 3


def test_one_row_is_shown_as_many_are(store: Path, tmp_path: Path) -> None:
    done = run("-c", f"{QUERY} LIMIT 1", "--store", str(store), cwd=tmp_path)
    columns = next(line for line in done.stdout.splitlines() if "concept" in line).split()
    assert columns == ["unit", "rank", "concept", "score"]


def test_a_mistake_after_a_model_has_run_is_told_once(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (32, 32)).save(photos / "a.png")
    (photos / "b.png").write_bytes(b"nothing")
    query = "EXPLAIN layer1[0] OF labnet ON 'photos/' USING clip_dissect(top_k=1) WITH ['boat']"
    done = run("-c", query, "--store", "s", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("error[unreadable-image]"), done.stderr
    code = (
        "import logging, clq\n"
        "with clq.connect('s') as con:\n"
        "    con.run(\"EXPLAIN layer1[0] OF labnet ON lab.probe[0:4] USING clip_dissect(top_k=1) WITH ['boat']\")\n"
        "print(logging.root.handlers)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.stdout == "[]\n", done.stderr


def test_a_value_that_no_parameter_takes_is_no_value(tmp_path: Path) -> None:
    (tmp_path / "names.clq").write_text("LET few = lab.probe[0:$n]")
    (tmp_path / "one.clq").write_text("IMPORT 'names.clq'; SELECT count(*) AS images FROM few")
    (tmp_path / "two.clq").write_text("PARAM k = 10; SELECT $k AS k")
    told = "error[no-parameter]: A value is given for $kk, but no $kk stands here; did you mean $k?"
    query = (tmp_path / "two.clq").read_text()
    for command in (["-c", query], ["sql", query], ["plan", query], ["run", "two.clq"], ["check", "two.clq"],
                    ["run", "one.clq", "two.clq", "--param", "n=2"]):  # fmt: skip
        done = run(*command, "--param", "kk=3", "--store", "s", cwd=tmp_path)
        assert done.returncode == 2 and told in done.stderr, (command, done.stderr)
    for command in ("run", "check"):
        done = run(command, "one.clq", "two.clq", "--param", "n=2", "--param", "k=3", "--store", "s", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
