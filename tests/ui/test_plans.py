"""PLAN and PLAN ANALYZE: rows, times, pictures, and the question before a long run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pexpect
import pytest

import clq
from clq.ui.render_plan import spoken

QUERY = "EXPLAIN layer1, layer2 OF labnet ON lab.probe[0:128] USING clip_dissect(top_k=20, top=2) WITH lab.words"


@pytest.fixture
def con(tmp_path: Path) -> clq.Connection:
    with clq.connect(tmp_path / "store") as connection:
        yield connection


def test_a_plan_knows_only_what_earlier_runs_have_shown(con: clq.Connection) -> None:
    before = con.run(f"PLAN {QUERY}").last
    rows = before.arrow().to_pylist()
    assert [r["seconds"] for r in rows] == [None] * len(rows)
    assert {r["rows"] for r in rows if r["passes"]} == {128}, "how many images there are is known"
    assert "time: unknown" in before.text
    assert con.counts == {}, "PLAN computes nothing"
    con.run(QUERY)
    after = con.plan(QUERY.replace("0:128", "200:456"))
    known = [r for r in after.rows.to_pylist() if r["passes"]]
    assert all(r["seconds"] > 0 and r["rows"] == 256 for r in known) and len(known) == 3
    assert re.search(r"time: about [0-9.]+ s on cpu, from earlier runs$", str(after))


def test_analyze_runs_the_query_and_its_times_add_up(con: clq.Connection) -> None:
    first = con.run(f"PLAN ANALYZE {QUERY}").last
    rows = first.arrow().to_pylist()
    made = [r for r in rows if not r["cached"] and not r["operator"].startswith(("model", "dataset", "judge", "voc"))]
    assert all(r["seconds"] is not None and r["rows"] > 0 and r["bytes"] > 0 for r in made)
    assert sum(r["passes"] for r in rows) == 3
    assert (con.counts["rounds"], con.counts["decoded"]) == (1, 128)
    total = sum(m.seconds for m in first.plan.measures.values())
    assert total > 0 and f"time: {spoken(total)} on cpu" in first.text
    again = con.run(f"PLAN ANALYZE {QUERY}").last.arrow().to_pylist()
    assert con.counts["decoded"] == 128, "nothing is done twice"
    assert {r["seconds"] for r in again if r["cached"]} == {0.0}
    assert con.run("SHOW TABLES").last.arrow().num_rows == 0, "its answers go nowhere"


def test_plan_is_a_relation(con: clq.Connection) -> None:
    sql = f"SELECT count(*) AS nodes, sum(passes) AS passes, count(*) FILTER (cached) AS stored FROM (PLAN {QUERY})"
    assert con.run(sql).df().to_dict("records") == [{"nodes": 16, "passes": 3, "stored": 0}]
    con.run(QUERY)
    assert con.run(sql).df()["passes"].tolist() == [0.0]
    told = con.run(f"SELECT max(seconds) FROM (PLAN ANALYZE {QUERY.replace('layer1, ', '')})").df()
    assert told.iloc[0, 0] == 0.0


def test_plan_of_sql_shows_all_its_queries_as_one_plan(con: clq.Connection) -> None:
    one, two = (QUERY.replace("layer1, layer2", layer) for layer in ("layer1", "layer2"))
    text = con.run(f"PLAN SELECT count(*) FROM ({one}) AS a, ({two}) AS b").last.text
    assert text.count("round ") == 1 and "one forward for 2 captures" in text


def test_a_plan_sees_what_the_statements_before_it_have_computed(con: clq.Connection) -> None:
    assert "Everything is in the store" in con.run(f"{QUERY}; PLAN {QUERY}").last.text


def test_graphs(con: clq.Connection) -> None:
    con.run(QUERY.replace("layer1, ", ""))
    plan = con.plan(QUERY.replace("WITH lab.words", "WITH ['a \"b\" <c>']"))
    nodes = {f"p{r['node']}" for r in plan.rows.to_pylist()}
    picture = ElementTree.fromstring(plan.svg())
    titles = [t.text or "" for t in picture.iter() if t.tag.endswith("title")]
    assert picture.tag.endswith("svg") and {t.split(":")[0] for t in titles} == nodes
    drawn = plan.mermaid()
    assert drawn.startswith("flowchart TD") and "#quot;b#quot; #lt;c#gt;" in drawn and " stored" in drawn
    assert {m for line in drawn.splitlines() for m in re.findall(r"\bp\d+\b", line)} == nodes
    text = plan.dot()
    assert text.count("{") == text.count("}") and r'\"b\"' in text and "fillcolor=gray85" in text
    assert "<svg" in plan._repr_html_() and "round 1" in plan._repr_html_()


def command(*args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "clq", *args], capture_output=True, text=True, cwd=cwd, timeout=120,
        env={**os.environ, **env},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_formats_of_clq_plan(tmp_path: Path) -> None:
    rows = json.loads(command("plan", QUERY, "--format", "json", cwd=tmp_path).stdout)
    columns = {"node", "operator", "inputs", "cached", "rows", "bytes", "seconds", "passes"}
    assert [set(r) for r in rows] == [columns] * 16
    assert "node" in command("plan", QUERY, "--format", "table", cwd=tmp_path).stdout
    assert command("plan", QUERY, "--format", "mermaid", cwd=tmp_path).stdout.startswith("flowchart TD\n")
    assert command("plan", QUERY, "--format", "dot", cwd=tmp_path).stdout.startswith("digraph plan {\n")
    assert command("plan", QUERY, "--format", "svg", "--out", "plan.svg", cwd=tmp_path).stdout == ""
    ElementTree.parse(tmp_path / "plan.svg")
    done = command("plan", QUERY, "--out", "none/plan.txt", cwd=tmp_path)
    assert done.returncode == 1 and "unwritten-file" in done.stderr


SMALL = "EXPLAIN layer1[0:2] OF labnet ON lab.probe[{}] USING clip_dissect(top_k=4, top=1) WITH ['boat', 'car']"


def test_a_long_run_is_asked_about_on_a_terminal_only(tmp_path: Path) -> None:
    assert command("-c", SMALL.format("0:64"), cwd=tmp_path).returncode == 0
    ask = {**os.environ, "CLQ_ASK_ABOVE": "0"}
    done = command("-c", SMALL.format("64:128"), cwd=tmp_path, CLQ_ASK_ABOVE="0")
    assert done.returncode == 0 and "Go on?" not in done.stderr, "nobody could answer in a pipe"

    def run(*more: str, images: str) -> object:
        return pexpect.spawn(
            sys.executable, ["-m", "clq", *more, "-c", SMALL.format(images)], cwd=str(tmp_path), env=ask, timeout=60
        )

    child = run(images="128:192")
    child.expect(r"This takes about [0-9.]+ s on cpu. Go on\? \[Y/n\]:")
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    child = run(images="128:192")
    child.expect("Go on")
    child.sendline("")
    child.expect("table explain_")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    child = run("--yes", images="192:256")
    child.expect("table explain_")
    assert b"Go on" not in child.before
    child.close()


@pytest.mark.parametrize("backend", ["inline", "processes"])
def test_trace_log_and_plan_analyze_agree(tmp_path: Path, backend: str) -> None:
    trace, log = tmp_path / "trace.json", tmp_path / "log.jsonl"
    workers = None if backend == "inline" else 2
    with clq.connect(tmp_path / "store", trace=trace, log=log, backend=backend, workers=workers) as con:
        con.resources.shard = 48
        plan = con.run(f"PLAN ANALYZE {QUERY}").last.plan
        told = con.sql(f"FROM read_json('{log}')").arrow().to_pylist()
    events = [e for e in json.loads(trace.read_text())["traceEvents"] if e["ph"] == "X"]
    assert {e["cat"] for e in events} == {"round", "shard", "operator", "decode", "pass", "write", "open"}
    assert all(e["dur"] >= 0 and e["ts"] >= 0 for e in events)
    (round_,) = [e for e in events if e["cat"] == "round"]
    inside = [e for e in events if e["cat"] == "pass"]
    assert all(
        round_["ts"] - 1e4 <= e["ts"] and e["ts"] + e["dur"] <= round_["ts"] + round_["dur"] + 1e4 for e in inside
    )
    assert sum(e["args"]["images"] for e in inside) == 2 * 128
    shards = [t for t in told if t["event"] == "shard_done"]
    assert sorted(t["first"] for t in shards) == [0, 48, 96]
    assert sorted(e["args"]["first"] for e in events if e["cat"] == "shard") == [0, 48, 96]
    (opened,), (finished,) = ([t for t in told if t["event"] == f"round_{what}"] for what in ("opened", "finished"))
    assert opened["images"] == finished["decoded"] == sum(t["images"] for t in shards) == 128
    assert round_["args"]["decoded"] == 128 and opened["shards"] == opened["lacking"] == 3
    assert finished["seconds"] == pytest.approx(round_["dur"] / 1e6, abs=0.001)
    seconds = {t["key"]: t["seconds"] for t in told if t["event"] == "operator_done"}
    assert seconds == {key: m.seconds for key, m in plan.measures.items()}
    spans = {e["args"]["key"]: e["dur"] / 1e6 for e in events if e["cat"] == "operator"}
    assert spans and all(seconds[key] == pytest.approx(s, rel=0.2, abs=0.05) for key, s in spans.items())
    assert len({t["run"] for t in told if t["event"] not in {"committed"}}) == 2, "one script, then the question"


def test_the_options_of_trace_and_log(tmp_path: Path) -> None:
    done = command("-c", SMALL.format("0:64"), "--trace", "t.json", "--log", "l.jsonl", cwd=tmp_path)
    assert done.returncode == 0 and json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    told = [json.loads(line) for line in (tmp_path / "l.jsonl").read_text().splitlines()]
    names = [t["event"] for t in told]
    assert names[0] == "run_began" and names[-1] == "run_ended" and {"answer_kept", "committed"} < set(names)
    assert len({t["run"] for t in told}) == 1


def test_a_threshold_that_is_no_number(tmp_path: Path) -> None:
    done = command("-c", SMALL.format("0:64"), cwd=tmp_path, CLQ_ASK_ABOVE="soon")
    assert done.returncode == 2 and "CLQ_ASK_ABOVE" in done.stderr


def test_the_debug_ladder(tmp_path: Path) -> None:
    quiet = command("-c", SMALL.format("0:64"), cwd=tmp_path)
    assert "--" not in quiet.stderr
    told = command("-c", SMALL.format("64:128"), cwd=tmp_path, CLQ_DEBUG="4").stderr
    assert "-- plan" in told and "PooledActivations v1" in told
    assert "-- after share_scans" in told
    assert re.search(r"-- round 1 over lab.probe\[…\]: [0-9.]+ s, [0-9,]+ bytes in 2 artifacts", told)
    assert re.search(r"-- SoftWPMI on cpu: .* -> \w+ [a-z]+\d+\[", told)
    assert "-- after" not in command("-c", SMALL.format("128:192"), cwd=tmp_path, CLQ_DEBUG="1").stderr


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (38.2, "38 s"), (250, "4 min"), (12_000, "3 h 20 min")]
)
def test_times_are_spoken(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
