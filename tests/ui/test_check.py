"""clq check: every mistake of a file, for people, for programs and for pull requests; nothing heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import clq
from clq.ui.checking import examine

WRONG = """LET few = lab.probe[0:50];
EXPLAIN layr4 OF labnet ON few USING clip_dissect(top_kk=3) WITH lab.wrds;
EXPLAN fc OF labnet;
EXPLAIN fc OF labnet LIMIT 5
"""


def check(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "clq", "check", *args], capture_output=True, text=True, cwd=cwd, timeout=60
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    (tmp_path / "wrong.clq").write_text(WRONG)
    return tmp_path


def test_every_mistake_with_its_place(wrong: Path) -> None:
    done = check("wrong.clq", cwd=wrong)
    assert (done.returncode, done.stdout) == (2, "wrong.clq: 4 mistakes\n")
    places = [line.strip() for line in done.stderr.splitlines() if line.lstrip().startswith("-->")]
    assert places == [f"--> wrong.clq:{p}" for p in ("2:9", "2:51", "2:66", "3:1")]
    assert not (wrong / ".clq").exists(), "nothing is written"


def test_for_programs(wrong: Path) -> None:
    done = check("wrong.clq", "--format", "json", cwd=wrong)
    found = json.loads(done.stdout)
    assert done.returncode == 2
    assert [(f["code"], f["line"], f["column"], f["end_column"]) for f in found] == [
        ("unknown-layer", 2, 9, 14), ("unknown-argument", 2, 51, 57), ("unknown-vocabulary", 2, 66, 74),
        ("unknown-statement", 3, 1, 7),
    ]  # fmt: skip
    assert {f["file"] for f in found} == {"wrong.clq"} and {f["severity"] for f in found} == {"error"}


def test_for_pull_requests(wrong: Path) -> None:
    lines = check("wrong.clq", "--format", "github", cwd=wrong).stdout.splitlines()
    assert len(lines) == 4
    place = "file=wrong.clq,line=2,col=9,endLine=2,endColumn=14"
    assert lines[0].startswith(f"::error {place},title=unknown-layer::labnet has no layer layr4")
    assert all("%" not in line.split("::")[1] for line in lines)


def test_remarks_alone_are_no_failure(tmp_path: Path) -> None:
    done = check("LET few = lab.probe[0:50]; EXPLAIN fc OF labnet LIMIT 5", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "query: 1 warning, 1 note\n")
    assert "warning[unused-name]: Nothing uses few" in done.stderr and "note[limit-rows]" in done.stderr
    assert check("EXPLAIN fc OF labnet", cwd=tmp_path).stdout == "query: no mistakes found\n"


def test_several_files_and_one_that_is_not_there(wrong: Path) -> None:
    (wrong / "right.clq").write_text("EXPLAIN fc OF labnet")
    done = check("right.clq", "none.clq", cwd=wrong)
    assert done.returncode == 2
    assert done.stdout.splitlines() == ["right.clq: no mistakes found", "none.clq: 1 mistake"]
    assert "there is no file none.clq" in done.stderr


SQL = """SELECT 1 ‹+›;
SELECT * FROM ‹nosuch›;
SELECT ‹concpt› FROM (EXPLAIN fc OF labnet);
EXPLAIN fc OF labnet WHERE ‹concpt› = 3 ORDER BY ‹scor›;
EXPLAIN fc[(SELECT ‹unt› FROM (EXPLAIN fc OF labnet))] OF labnet;
EXPLAIN ‹fk› OF labnet INTO later;
SELECT anything FROM later;
SELECT ‹sceen› FROM lab.probe;
SELECT ‹x› FROM made;
INSERT INTO made ‹EXPLAIN› fc OF labnet;
SELECT e.activation FROM (EVIDENCE (EXPLAIN fc OF labnet)) AS e
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder whose store has a table `made` with a column y."""
    with clq.connect(tmp_path / "store") as con:
        con.sql("CREATE TABLE made AS SELECT 1 AS y")
    return tmp_path


def test_mistakes_of_sql_beside_those_of_clq(made: Path) -> None:
    (made / "sql.clq").write_text(SQL.replace("‹", "").replace("›", ""))
    before = sorted(path.name for path in (made / "store").rglob("*"))
    done = check("sql.clq", "--store", "store", "--format", "json", cwd=made)
    lines = enumerate(SQL.replace("›", "‹").splitlines(), 1)
    marked = [
        (n, len("".join(parts[: 2 * i + 1])) + 1, parts[2 * i + 1])
        for n, line in lines for parts in [line.split("‹")] for i in range(len(parts) // 2)
    ]  # fmt: skip
    found = json.loads(done.stdout)
    assert [(f["line"], f["column"]) for f in found] == [(line, column) for line, column, _ in marked], done.stdout
    assert all(word in f["message"] or word == "EXPLAIN" for f, (*_, word) in zip(found, marked, strict=True))
    assert before == sorted(path.name for path in (made / "store").rglob("*")), "nothing is written"


def test_tables_are_those_of_the_store_and_of_the_files_before(made: Path) -> None:
    (made / "one.clq").write_text("EXPLAIN fc OF labnet INTO units; CREATE TABLE few AS SELECT 1 AS x")
    (made / "two.clq").write_text("SELECT concept FROM units, few, units_evidence, made; EXPLAIN units USING falcon")
    assert check("one.clq", "two.clq", "--store", "store", cwd=made).returncode == 0
    alone = check("two.clq", "--store", "store", cwd=made)
    assert alone.returncode == 2 and "Table with name units does not exist" in alone.stderr
    assert check("SELECT y FROM made", "--store", "store", cwd=made).returncode == 0
    assert check("SELECT y FROM made", "--store", "none", cwd=made).returncode == 2
    assert not (made / "none").exists()


def test_where_the_catalogue_cannot_be_seen_sql_is_left_to_the_run(made: Path) -> None:
    with duckdb.connect(str(made / "store" / "clq.duckdb")):
        done = check("SELECT y FROM made; EXPLAIN fk OF labnet", "--store", "store", cwd=made)
    assert "note[store-busy]" in done.stderr and "was not looked at" in done.stderr
    assert done.stdout == "query: 1 mistake, 1 note\n"
    with duckdb.connect(str(made / "store" / "clq.duckdb")):
        with clq.connect(made / "store") as con, pytest.raises(clq.Diagnostic) as told:
            con.run("EXPLAIN layr OF net ON pics WITH wrds")
        assert [one.code for one in told.value.every()].count("store-busy") == 1
    far = check("SELECT y FROM made", "--store", "s3://nowhere/store", cwd=made)
    assert far.returncode == 0 and "note[store-unreachable]" in far.stderr


def test_sql_is_looked_at_without_torch() -> None:
    code = """
import sys
from clq.ui.looking import Looking
with Looking("none") as looking:
    looking.examine("EXPLAIN fc OF labnet INTO t")
    assert "duckdb" not in sys.modules
    found = looking.examine("SELECT wrd FROM lab.probe, lab.words WHERE 3 IN (EXPLAIN fc OF labnet)")
    assert [p.code for p in found] == ["sql-error"]
print([m for m in ("torch", "torchvision", "open_clip", "nltk") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_thousand_statements_import_no_torch_and_no_duckdb() -> None:
    code = """
import sys
from clq.ui.checking import examine
text = "".join(
    f"LET d{i} = lab.probe[{i}:{i + 50}]; EXPLAIN layer4[{i % 100}] OF labnet, labself ON d{i} INTO t{i};"
    f"SELECT * FROM (EXPLAIN layer3 OF labnet ON d{i} USING falcon CONTRAST low WITH wordnet) JOIN t{i} USING (unit);"
    f"EXPLAIN t{i} ON d{i} USING clip_dissect(top_k=9) WITH ['boat'] JUDGED BY labclip;" for i in range(250)
)
found = examine(text)
assert len(found.script.statements) == 1000 and not found.problems, found.problems
print([m for m in ("torch", "torchvision", "open_clip", "duckdb", "nltk", "pandas") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("EXPLAIN 1 OF labnet", "unexpected", 'or "1" for a layer that is called so'),
        ("EXPLAIN layer[34] OF labnet", "unknown-layer", "Did you mean layer4? Its layers: conv1"),
        ("EXPLAIN all OF labnet", "unknown-layer", "a star stands for every one: *. Its layers: conv1"),
        ("PARAM f = 1.5; EXPLAIN layer4[$f] OF labnet", "bad-argument", "counted in whole numbers, not 1.5"),
        ("LOCATE SYNSET 'brd.n.01' ON lab.probe", "unknown-synset", "WordNet has no synset 'brd.n.01'"),
        ("LOCATE SYNSET 'bird.n.99' ON lab.probe", "unknown-synset", "Did you mean bird.n.0"),
        ("ATTRIBUTE CLASS 'bot' OF labnet ON lab.probe", "not-here", "No method of ATTRIBUTE"),
    ],
)
def test_what_clq_itself_knows(text: str, code: str, told: str) -> None:
    found = examine(text).problems
    assert any(p.code == code and told in p.message for p in found), [p.message for p in found]


def test_the_examination_leaves_the_names_it_was_given_alone() -> None:
    first = examine("LET few = lab.probe[0:50]; DEFINE f(a) AS EXPLAIN $a OF labnet; SELECT * FROM few")
    assert first.problems == ()
    second = examine("EXPLAIN fc OF labnet ON few; f(fc); LET more = few[0:3]; SELECT 1", names=first.names)
    assert [p.code for p in second.problems] == ["unused-name"]
    assert "more" in second.names.made and "more" not in first.names.made
