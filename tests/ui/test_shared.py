"""`--store s3://…` as people of several machines use it: one has computed, the others read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forkserver import Ended, forkserver
from s3 import BUCKET, Server, served

import clq
from clq.engine.remote import Remote
from clq.lang.diagnostic import Diagnostic

QUERY = (
    "EXPLAIN layer1[0:3] OF labnet ON lab.probe[0:40] USING clip_dissect(top_k=8, top=1) WITH ['boat', 'car'] INTO t"
)
URL = f"s3://{BUCKET}/team"

Clq = Callable[..., Ended]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("caches")


@pytest.fixture(scope="module")
def on(server: Server, caches: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clq]:
    """`clq` on a machine of that name."""
    with forkserver(tmp_path_factory.mktemp("forks"), "commands_in_forks", below="ui") as forks:

        def run(machine: str, *args: str, url: str = URL) -> Ended:
            env = {**server.env, "CLQ_STORE": url, "CLQ_CACHE": str(caches / machine)}
            done = forks.run("commands_in_forks:on_machine", env, *args)
            assert "Traceback" not in done.err, done.err
            return done

        yield run


@pytest.fixture(scope="module")
def first(on: Clq) -> Ended:
    done = on("first", "-c", QUERY)
    assert done.code == 0 and f"{URL}: " in done.err and "uploaded" in done.err, done.err
    return done


def test_a_second_machine_gets_the_answer_and_can_make_it_from_nothing(
    first: Ended, on: Clq, caches: Path
) -> None:
    shown = on("second", "plan", QUERY)
    assert "no image is read, no model is loaded" in shown.out
    done = on("second", "-c", QUERY)
    assert (done.code, done.out) == (0, first.out)
    (folder,) = (caches / "second").iterdir()
    assert list(folder.rglob("*.safetensors")) == [] and f"({folder}/clq.duckdb)" in done.err
    nodes = on("second", "sql", "SELECT count(*) AS n FROM meta.nodes", "--format", "json").out
    assert nodes == on("first", "sql", "SELECT count(*) AS n FROM meta.nodes", "--format", "json").out
    assert on("second", "rerun", "t").out == "t: 3 rows, the same to the last bit\n"


def test_torch_is_not_imported_for_what_another_machine_has(
    first: Ended, server: Server, caches: Path
) -> None:
    code = (
        "import clq, sys\nclq.connect(sys.argv[1], cache=sys.argv[2]).run(sys.argv[3])\nprint('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, URL, str(caches / "third"), QUERY], capture_output=True, text=True,
        env={**os.environ, **server.env},
    )  # fmt: skip
    assert done.stdout == "False\n", done.stderr


def test_a_new_machine_takes_over_the_tables_of_another(first: Ended, on: Clq) -> None:
    url = f"{URL}/tables"
    made = on("first", "sql", "CREATE TABLE mine AS SELECT 7 AS x; CREATE VIEW seen AS FROM mine", url=url)
    assert made.code == 0 and "uploaded" in made.err
    done = on("new", "cache", "rebuild", url=url)
    assert done.out == "1 tables: mine\n", done.err
    assert '"x": 7' in on("new", "sql", "FROM mine", "--format", "json", url=url).out
    assert on("new", "sql", "FROM seen", url=url).code == 2, "a view is no table"
    assert on("new", "sql", "CREATE TABLE other AS FROM mine; DROP TABLE mine", url=url).code == 0
    done = on("newer", "cache", "rebuild", url=url)
    assert done.code == 2 and "say whose with --from" in done.err
    names = done.err.partition("--from: ")[2].splitlines()[0].split(", ")
    taken = [on(f"of {name}", "cache", "rebuild", "--from", name, url=url).out for name in names]
    assert sorted(taken) == ["1 tables: mine\n", "1 tables: other\n"]
    assert on("new", "cache", "rebuild", "--from", names[0], url=url).code == 2, "it has tables of its own"
    assert on("newest", "cache", "rebuild", "--from", "nobody", url=url).code == 2


def test_looking_after_the_cache_of_a_machine(first: Ended, on: Clq, server: Server, caches: Path) -> None:
    there = server.objects("team/")
    listed = on("first", "cache", "ls", "--format", "json")
    assert f"the cache of {URL}; what is kept there is not counted" in listed.err
    assert on("first", "cache", "verify").out.endswith("artifacts are sound\n")
    done = on("first", "cache", "gc", "--budget", "0")
    assert f"at {URL} everything stays" in done.err and len(json.loads(listed.out)) > 5
    assert json.loads(on("first", "cache", "ls", "--format", "json").out) == []
    assert server.objects("team/") == there
    done = on("first", "cache", "push")
    assert done.code == 0 and f"{URL} has every artifact" in done.out
    assert f"shared store   {URL} answers" in on("first", "doctor").out
    assert on("first", "cache", "push", url=str(caches / "folder")).code == 2
    assert on("first", "cache", "rebuild", "--from", "x", url=str(caches / "folder")).code == 2


def test_trouble_ends_in_one_message_and_its_exit_code(on: Clq, server: Server) -> None:
    done = on("any", "-c", QUERY, url="s3://no-such-bucket/x")
    assert done.code == 2 and "error[store-unreachable]" in done.err and done.out == ""
    assert "s3://no-such-bucket/x" in on("any", "doctor", url="s3://no-such-bucket/x").out


def test_rows_are_there_before_what_could_not_be_uploaded_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Python: the answer is returned, and closing says what is lacking."""
    connection, real = clq.connect(f"{URL}/python", cache=tmp_path), Remote.check_writable

    def then_denied(remote: Remote) -> None:
        real(remote)
        server.deny("s3:PutObject")

    monkeypatch.setattr(Remote, "check_writable", then_denied)
    try:
        assert len(connection.run(QUERY).last) == 3
        assert any("it may not be written" in r for r in connection.session.remarks)
        with pytest.raises(Diagnostic) as caught:
            connection.close()
        assert (caught.value.code, caught.value.exit_code) == ("store-unreachable", 1)
    finally:
        server.deny()
        monkeypatch.undo()
    with clq.connect(f"{URL}/python", cache=tmp_path) as connection:
        assert len(connection.run(QUERY).last) == 3 and connection.counts == {}
    with clq.connect(f"{URL}/python", cache=tmp_path / "other") as connection:
        assert len(connection.run(QUERY).last) == 3 and connection.counts == {}
