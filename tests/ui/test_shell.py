"""`clq shell` as a person uses it, on a real terminal, and as a script does, through a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from clq.ui.shell.dots import COMMANDS
from clq.ui.shell.finished import is_finished, pieces

QUERY = "EXPLAIN layer4[0:3] OF labnet ON lab.probe[0:60] USING clip_dissect(top_k=5) WITH lab.words"
LONG = "EXPLAIN layer1, layer2, layer3 OF labnet ON lab.audit USING clip_dissect WITH lab.words;"
ENTER, INTERRUPT, LEAVE, TAB, UP, ALT_ENTER = "\r", "\x03", "\x04", "\t", "\x1b[A", "\x1b\r"
PATIENCE = 60.0


class Terminal:
    """A shell on a terminal of its own, and the screen that a person sees."""

    def __init__(self, folder: Path, *args: str) -> None:
        env = {
            **os.environ, "XDG_STATE_HOME": str(folder / "state"), "CLQ_STORE": str(folder / "store"),
            "TERM": "xterm-256color", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        self.screen = pyte.Screen(100, 50)
        self.screen.write_process_input = lambda answer: self.child.send(answer)  # where the cursor is, when asked
        self._stream = pyte.Stream(self.screen)
        self.child = pexpect.spawn(
            sys.executable, ["-m", "clq", "shell", *args], env=env, cwd=str(folder), encoding="utf-8",
            dimensions=(50, 100),
        )  # fmt: skip
        self.until(lambda: self.waits())

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def text(self) -> str:
        return "\n".join(self.lines()).rstrip()

    def waits(self) -> bool:
        """Whether the cursor stands behind an empty prompt."""
        return self.lines()[self.screen.cursor.y].rstrip() == "clq>"

    def until(self, so: Callable[[], bool]) -> None:
        """Read what comes until it is so."""
        end = time.monotonic() + PATIENCE
        while not so():
            assert time.monotonic() < end, self.text()
            with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
                self._stream.feed(self.child.read_nonblocking(65536, timeout=0.2))

    def until_seen(self, *words: str) -> None:
        self.until(lambda: all(word in self.text() for word in words))

    def type(self, text: str) -> None:
        self.child.send(text)

    def run(self, text: str) -> str:
        """Clear the screen, type, press Enter, and give what stands there when the shell waits again."""
        self.type(".clear\r")
        self.until(lambda: self.waits() and self.screen.cursor.y == 0)
        self.type(text + ENTER)
        self.until(lambda: not self.waits() or self.screen.cursor.y > 0)
        self.until(lambda: self.waits() and self.screen.cursor.y > 0)
        return self.text()

    def colour_at(self, word: str) -> str:
        """The colour of a word where it stands last."""
        row = max(i for i, line in enumerate(self.lines()) if word in line)
        return str(self.screen.buffer[row][self.lines()[row].rindex(word)].fg)

    def leave(self) -> int:
        self.type(INTERRUPT)
        self.until(self.waits)
        self.type(LEAVE)
        self.child.expect(pexpect.EOF, timeout=PATIENCE)
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shell")


@pytest.fixture(scope="module")
def terminal(folder: Path) -> Iterator[Terminal]:
    opened = Terminal(folder)
    yield opened
    opened.leave()


def test_a_statement_goes_on_until_its_semicolon(terminal: Terminal) -> None:
    said = terminal.run("SELECT 40 +\r 2 AS answer;")
    assert "clq> SELECT 40 +\n...>  2 AS answer;" in said
    assert re.search(r"answer\n ─+\n +42", said)


def test_an_empty_line_and_alt_enter_run_what_is_there(terminal: Terminal) -> None:
    assert " 41" in terminal.run("SELECT 41 AS a\r")
    assert " 43" in terminal.run(f"SELECT 43 AS a{ALT_ENTER}")


def test_names_live_on(terminal: Terminal) -> None:
    terminal.run("LET few = lab.probe[0:7]")
    assert re.search(r" n\n ─+\n +7", terminal.run("SELECT count(*) AS n FROM few;"))


def test_a_mistake_is_told_in_colour_and_the_session_goes_on(terminal: Terminal) -> None:
    said = terminal.run("EXPLAIN layr4 OF labnet;")
    assert "labnet has no layer layr4. Did you mean layer4?" in said and "Traceback" not in said
    assert terminal.colour_at("error[unknown-layer]") == "red" and terminal.colour_at("^^^^^") == "red"
    assert "no statement starts with selec" in terminal.run("SELEC 1;").lower()
    assert " 11" in terminal.run("SELECT 5 + 6 AS a;")


def test_what_is_typed_has_colours(terminal: Terminal) -> None:
    terminal.run("SELECT 1;")
    terminal.type("EXPLAIN fc OF labnet WITH 'words.txt'")
    terminal.until_seen("'words.txt'")
    colours = {word: terminal.colour_at(word) for word in ("EXPLAIN", "OF", "labnet", "'words.txt'")}
    assert colours["EXPLAIN"] == colours["OF"] != colours["labnet"]
    assert len(set(colours.values())) == 3
    terminal.type(INTERRUPT)
    terminal.until(terminal.waits)


def test_tab_completes(terminal: Terminal, folder: Path) -> None:
    (folder / "many_words.txt").write_text("boat\n")
    terminal.run("LET few = lab.probe[0:7]")
    terminal.type(f"EXPLAIN layer4[0] OF labn{TAB}")
    terminal.until_seen("OF labnet")
    terminal.type(f" ON fe{TAB}")
    terminal.until_seen("ON few")
    terminal.type(f" USING clip_d{TAB}")
    terminal.until_seen("USING clip_dissect")
    terminal.type(f"(top{TAB}")
    terminal.until_seen("top_k=", "int = 100")
    terminal.type(INTERRUPT)
    terminal.until(terminal.waits)
    terminal.type(f"EXPLAIN fc OF labnet WITH 'many{TAB}")
    terminal.until_seen("'many_words.txt")
    terminal.type(INTERRUPT)
    terminal.until(terminal.waits)
    terminal.type(f".ta{TAB}")
    terminal.until_seen("clq> .tables")
    terminal.type(INTERRUPT)
    terminal.until(terminal.waits)


def test_the_toolbar_names_the_store(terminal: Terminal) -> None:
    terminal.until_seen(f"store {terminal.child.cwd}/store", "rows as table")


def test_control_c_clears_the_line(terminal: Terminal) -> None:
    terminal.run("SELECT 1;")
    terminal.type("SELECT 99 * 99 AS no,")
    terminal.until_seen("AS no,")
    terminal.type(INTERRUPT)
    terminal.until(terminal.waits)
    terminal.type("SELECT 1 + 1 AS yes;\r")
    terminal.until_seen("yes\n")
    assert "9801" not in terminal.text()


def test_control_c_stops_a_query_at_any_moment_and_the_shell_goes_on(folder: Path) -> None:
    """The first one comes while torch is being imported, which must not be left half done."""
    terminal = Terminal(folder, "--store", str(folder / "interrupted"))
    terminal.type(LONG + ENTER)
    time.sleep(1.0)
    terminal.type(INTERRUPT)
    terminal.until_seen("interrupted: what was finished is kept")
    terminal.until(terminal.waits)
    terminal.run("SELECT 1;")
    terminal.type(LONG + ENTER)
    terminal.until_seen("images/s")
    terminal.type(INTERRUPT)
    terminal.until_seen("interrupted: what was finished is kept")
    terminal.until(terminal.waits)
    said = terminal.run(f"{QUERY} WHERE rank = 1;")
    assert "scissors" in said and "Traceback" not in said
    assert terminal.leave() == 0


def test_commands(terminal: Terminal, folder: Path) -> None:
    script = ".mode csv\nCREATE TABLE mine AS SELECT 7 AS seven;\n\nFROM mine;\n.mode table\n"
    (folder / "few words.clq").write_text(script)
    assert "seven\n7\n" in terminal.run('.read "few words.clq"')
    said = terminal.run(f"{QUERY} INTO tops;\r.tables")
    assert re.search(r"mine +1 +NULL", said) and re.search(r"tops_evidence +15 +EXPLAIN", said)
    assert re.search(r"seven +INTEGER", terminal.run(".schema mine"))
    assert re.search(r"facts", terminal.run(".schema lab.probe"))
    assert re.search(r"concept +VARCHAR", terminal.run(".schema explain"))
    assert re.search(r"few +dataset +LET", terminal.run(".names"))
    assert "answer: layer4 of labnet" in terminal.run(f".plan {QUERY}")
    assert "Did you mean .tables?" in terminal.run(".tabels")
    assert "There is no mode cvs. Did you mean csv?" in terminal.run(".mode cvs")
    terminal.run(".mode json")
    assert '[{"a": 1}]' in terminal.run("SELECT 1 AS a;")
    terminal.run(".mode table")
    assert "there is no file gone.clq" in terminal.run(".read gone.clq")
    (folder / "wrong.clq").write_text("SELECT 1;\n.mode table\n\nEXPLAIN layr4 OF labnet;")
    assert "wrong.clq:4:9" in terminal.run(".read wrong.clq")
    assert all(name in terminal.run(".help") for name in COMMANDS)


def test_history_is_kept_for_the_next_session(folder: Path) -> None:
    first = Terminal(folder)
    first.run("SELECT 12345 AS\r remembered;")
    assert first.leave() == 0
    assert (folder / "state" / "clq" / "history").is_file()
    second = Terminal(folder)
    second.type(UP)
    second.until_seen("...>  remembered;")
    second.type(ENTER)
    second.until_seen("12345\n")
    second.type(".quit\r")
    second.child.expect(pexpect.EOF, timeout=PATIENCE)
    second.child.close()
    assert second.child.exitstatus == 0


# ------------------------------------------------------------ through a pipe


def piped(text: str, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clq", "shell", "--store", str(folder / "piped"), *args]
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=folder, timeout=300)


def test_a_script_through_a_pipe_runs_without_a_prompt(folder: Path) -> None:
    script = "LET few = lab.probe[0:7];\n.mode csv\nSELECT count(*) AS n FROM few;\nSELECT 'x\n.mode y' AS t"
    done = piped(script, folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 'n\n7\n\nt\n"x\n.mode y"\n'
    assert json.loads(piped("SELECT $k AS k", folder, "--param", "k=3", "--format", "json").stdout) == [{"k": 3}]
    assert piped("SELECT 1 AS a;\n.quit\nSELECT 2 AS b;", folder).stdout.split() == ["a", "─", "1"]


@pytest.mark.parametrize(("text", "code", "place"), [
    ("SELECT 1;\nEXPLAIN layr4 OF labnet;", 2, "<stdin>:2:9"), (".mode table\n\nSELECT 'open", 2, "<stdin>:3:8"),
    (".tabels", 2, ".tables"),
    ("SELECT 1;\n.bogus", 2, "<stdin>:2:1"), (".schema lab.prob", 2, "mean lab.probe?"), ("FROM nowhere", 2, "nowhere"),
])  # fmt: skip
def test_a_mistake_ends_it_with_the_exit_code_of_run(text: str, code: int, place: str, folder: Path) -> None:
    done = piped(text, folder)
    assert done.returncode == code and place in done.stderr and "Traceback" not in done.stderr
    assert "DESCRIBE" not in done.stderr
    if not any(line.startswith(".") for line in text.splitlines()):
        (folder / "same.clq").write_text(text)
        command = [sys.executable, "-m", "clq", "run", "same.clq", "--store", str(folder / "piped")]
        assert subprocess.run(command, capture_output=True, cwd=folder).returncode == code


# ------------------------------------------------------------ its parts


@pytest.mark.parametrize("text", [
    "", "  ", ".tables", "SELECT 1;", "SELECT 1; -- done", "SELECT (1);", "SELECT ';' ;", "SELECT 1\n", "SELECT '\n",
    "SHOW MODELS", "SHOW MODLS", "SET judge = labclip", "RESET judge", "IMPORT 'names.clq'", "LET few = lab.probe[0:7]",
    "PARAM k = 5", "SELECT 1; SHOW MODELS", "EXPLAIN fc OF labnet INTO t", "SELECT $$;$$;", "/* ; */ SELECT 1;", "-- x",
    "SELECT 1);",
])  # fmt: skip
def test_enter_runs(text: str) -> None:
    assert is_finished(text)


@pytest.mark.parametrize("text", [
    "SELECT 1", "SELECT (1;", "SELECT ';", "SELECT $$;", "SELECT 1 /* ;", "SELECT \";", "EXPLAIN fc OF labnet",
    "EXPLAIN fc OF labnet LIMIT 3", "LET few =", "SHOW", "LET q = (EXPLAIN fc OF labnet", "SELECT 1; SELECT 2",
    "SELECT 1 -- ;", "EXPLAIN fc OF labnet WITH [\n'boat',",
])  # fmt: skip
def test_enter_goes_on(text: str) -> None:
    assert not is_finished(text)


def test_a_file_is_taken_apart_at_commands_between_statements() -> None:
    text = "SELECT 1;\n.mode csv\n\nSELECT '\n.mode x\n';\n  .tables\nSELECT (\n.5);\n.names\n"
    found = list(pieces(text))
    assert [(p.line, p.is_command, p.text) for p in found] == [
        (1, False, "SELECT 1;"), (2, True, ".mode csv"),
        (3, False, "\nSELECT '\n.mode x\n';\n  .tables\nSELECT (\n.5);"), (10, True, ".names"),
    ]  # fmt: skip
    for piece in found:
        assert piece.placed().split("\n")[piece.line - 1 :] == piece.text.split("\n")


def test_every_command_says_what_it_is_for() -> None:
    assert set(COMMANDS) == {".help", ".tables", ".schema", ".names", ".read", ".mode", ".plan", ".clear", ".quit"}
    for name, command in COMMANDS.items():
        assert (command.__doc__ or "").startswith(name) and " — " in (command.__doc__ or "")


@pytest.mark.parametrize("text", ["SHOW MODELS; SELECT 1;", ".tables\n.names"])
def test_nothing_of_torch_is_loaded_before_a_query_needs_it(text: str, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom clq.ui.cli import main\nimport clq.ui.shell.prompt\n"
        "try: main(['shell'])\nexcept SystemExit: pass\n"
        "print(*sorted({'torch', 'torchvision', 'open_clip', 'nltk'} & set(sys.modules)), file=sys.stderr)"
    )
    env = {**os.environ, "CLQ_STORE": str(tmp_path / "store")}
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, env=env)
    assert done.stdout and done.stderr.strip() == ""
