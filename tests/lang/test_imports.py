"""IMPORT: what cannot be read is told where it was written, and nothing that only follows from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clq.lang import Diagnostic, ast, check_script
from clq.lang.imports import DEEPEST, Loader, defined_in
from clq.lang.parse import parse_all

Parsed = tuple[ast.Script, list[Diagnostic]]


@pytest.fixture
def among(tmp_path: Path) -> Callable[..., Parsed]:
    """`among(texts)`: the first of the texts parsed, IMPORT reading the others; nothing is on disk."""

    def run(texts: dict[str, str]) -> Parsed:
        held = {(tmp_path / name).resolve(): text for name, text in texts.items()}
        read: list[Path] = []

        def get(path: Path) -> str:
            read.append(path)
            if path not in held:
                raise FileNotFoundError(path)
            return held[path]

        main = next(iter(texts))
        out = parse_all(texts[main], str(tmp_path / main), load=Loader(get))
        assert len(read) == len(set(read)), "a file is read once"
        return out

    return run


def test_a_file_beside_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text without a path, as of -c, counts from the working folder."""
    (tmp_path / "names.clq").write_text("DEFINE tops(layer) AS EXPLAIN $layer OF labnet")
    monkeypatch.chdir(tmp_path)
    script, problems = parse_all("IMPORT 'names.clq'; SELECT * FROM tops(fc)", load=Loader())
    sql = script.statements[1]
    assert problems == [] and isinstance(sql, ast.Sql) and len(sql.islands) == 1


def test_without_a_loader_nothing_is_read() -> None:
    script, problems = parse_all("IMPORT 'nowhere.clq'")
    assert problems == [] and isinstance(script.statements[0], ast.Import) and script.statements[0].script is None


def test_a_name_is_known_from_the_import_on(among: Any) -> None:
    script, problems = among({"main.clq": "FROM f(); IMPORT 'a.clq'; FROM f()", "a.clq": "DEFINE F() AS EXPLAIN fc"})
    assert problems == []
    assert [len(s.islands) for s in script.statements if isinstance(s, ast.Sql)] == [0, 1]


def test_many_ways_to_one_file(among: Any, catalog: Any) -> None:
    """30 files that each import the next one twice have 2^30 ways to the last."""
    texts = {f"{i}.clq": f"IMPORT '{i + 1}.clq'; IMPORT '{i + 1}.clq'" for i in range(30)}
    script, problems = among({**texts, "30.clq": "DEFINE last() AS EXPLAIN fc; EXPLAN fc"})
    assert [p.code for p in problems] == ["unknown-statement"]
    assert defined_in(script) == {"last"}
    told = [p.code for p in check_script(script, catalog, problems=problems)]
    assert told == ["unknown-statement"] and set(catalog.definitions) == {"last"}


def test_a_cycle_among_files_of_one_name(among: Any) -> None:
    _, problems = among({"a.clq": "IMPORT 'sub/a.clq'", "sub/a.clq": "IMPORT '../a.clq'"})
    message = problems[0].message
    assert message.endswith("/a.clq -> sub/a.clq -> " + message.split(" ")[0]) and problems[0].code == "import-cycle"


def test_a_long_chain(among: Any) -> None:
    texts = {f"{i}.clq": f"IMPORT '{i + 1}.clq'" for i in range(DEEPEST + 5)}
    _, problems = among({**texts, f"{DEEPEST + 5}.clq": "SELECT 1"})
    assert [p.message for p in problems] == [f"Files import one another more than {DEEPEST} deep"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("names.txt", "IMPORT takes a file of clq statements, such as 'names.clq', not 'names.txt'"),
        ("", "IMPORT takes a file of clq statements, such as 'names.clq', not ''"),
        ("nams.clq", "There is no file nams.clq. Did you mean names.clq?"),
        ("../here/nams.clq", "There is no file ../here/nams.clq. Did you mean ../here/names.clq?"),
        ("elsewhere/names.clq", "There is no file elsewhere/names.clq"),
        ("folder.clq", "folder.clq cannot be read: it is a folder"),
        ("binary.clq", "binary.clq cannot be read: it is no text in UTF-8"),
        ("loop.clq", "loop.clq is a link that leads back to itself"),
        ("a\0.clq", "No file can have this name"),
        ("\ud800.clq", "No file can have this name"),
        (f"{'a' * 5000}.clq", f"{'a' * 5000}.clq cannot be read: File name too long"),
    ],
)
def test_what_cannot_be_read(path: str, message: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "folder.clq").mkdir(parents=True)
    (here / "names.clq").write_text("LET a = labnet")
    (here / "binary.clq").write_bytes(b"\xff\xfe\x00")
    (here / "loop.clq").symlink_to("loop.clq")
    text = f"IMPORT '{path}'"
    _, problems = parse_all(text, str(here / "main.clq"), load=Loader())
    assert [(p.code, p.message) for p in problems] == [("unread-file", message)]
    assert problems[0].span == ast.Span(7, len(text))


def test_a_value_for_a_hole_in_sql_is_told_at_the_hole(among: Any, catalog: Any) -> None:
    """The call stands in another text than the hole, further on than that has characters."""
    tops = "DEFINE tops(layer, n) AS EXPLAIN $layer OF labnet WHERE rank <= $n ORDER BY score * $n LIMIT $n"
    text = f"IMPORT 'a.clq';{' ' * 300}tops(fc, n=$m)"
    script, problems = among({"main.clq": text, "a.clq": tops})
    told = check_script(script, catalog, problems=problems)
    assert [p.code for p in told] == ["no-parameter"] * 3
    assert {p.text for p in told} == {tops}
    assert [tops[p.span.start : p.span.end] for p in told if p.span is not None] == ["$n"] * 3


def test_what_a_missing_file_would_have_made_is_not_told(among: Any, catalog: Any) -> None:
    text = "IMPORT 'gone.clq'; EXPLAIN fc OF mine ON few; tops(fc); SELECT $k; EXPLAIN fc OF labnet USING falcn"
    script, problems = among({"main.clq": text})
    assert [p.code for p in check_script(script, catalog, problems=problems)] == ["unread-file", "unknown-method"]
