"""Every example of the README and of docs/ runs, and what they show is what comes out."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import clq

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))
from reading import Block, blocks, differences  # noqa: E402

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_examples_of_a_page_run(
    page: Path, shared_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").symlink_to(shared_store)
    with clq.connect(shared_store) as con:
        for block in blocks(page):
            where = f"{page.name}:{block.line}"
            printed = _run(block, con, shared_store)
            if block.shown is not None and printed is not None:
                assert differences(block.shown, printed) == [], f"{where} prints\n{printed}"


def _run(block: Block, con: clq.Connection, store: Path) -> str | None:
    if block.language == "clq":
        return "\n\n".join(map(repr, con.run(block.text)))
    if block.language == "python":
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block.text, "example", "exec"), {})
        return out.getvalue()
    if block.language == "sh":
        commands = [shlex.split(line, comments=True) for line in block.text.splitlines()]
        return "".join(_command(words, store) for words in commands if words[:1] == ["clq"])
    return None


def _command(words: list[str], store: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, env={**os.environ, "CLQ_STORE": str(store)}
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
