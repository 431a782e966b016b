"""%clq and %%clq: queries in notebooks and in IPython. `%load_ext clq` loads this."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from ..engine.remote import is_url
from ..engine.resources import Bar
from ..lang.diagnostic import Diagnostic, did_you_mean
from ..lang.scan import Token, scan
from ..stdlib.catalog import Catalog
from .completing import offers
from .connection import Connection, store_folder, store_place
from .notebook_bar import NotebookBar
from .running import value_of

if TYPE_CHECKING:
    from .results import Results

OPTIONS = {"store": "DIR", "param": "NAME=VALUE", "out": "NAME", "quiet": ""}
_OPTION = re.compile(r"\s*--([A-Za-z]\w*)")
_VALUE = re.compile(r"(?:\s*=\s*|\s+)('[^']*'|\"[^\"]*\"|\S+)")
_CELL = re.compile(r"%%clq\b")
_LINE = re.compile(r"(?:[\w.]+\s*=\s*)?\s*%clq\b")


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext clq`"""
    magics = ClqMagics(shell)
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(magics.complete)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext clq`"""
    magics = shell.magics_manager.registry.pop("ClqMagics")
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("clq", None)
    shell.Completer.custom_matchers.remove(magics.complete)
    magics.close()


@magics_class
class ClqMagics(Magics):  # type: ignore[misc]
    """One connection for each store; names made by LET in one cell are known in the next."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._store: str | None = None
        self._connections: dict[Path, Connection] = {}

    @no_var_expand  # type: ignore[untyped-decorator]
    @line_cell_magic  # type: ignore[untyped-decorator]
    def clq(self, line: str, cell: str | None = None) -> Results | None:
        """Run a clq query or SQL, or a whole script in a cell.

        %clq QUERY
        %%clq [--store DIR] [--param NAME=VALUE] [--out NAME] [--quiet]

        --store is remembered for later cells; --param fills $NAME, which is otherwise the variable of that name;
        --out puts the results into a variable; --quiet shows none.
        """
        given, rest = options_of(line)
        text = rest if cell is None else cell
        if cell is not None and rest:
            raise Diagnostic("unexpected", f"What is asked stands below %%clq, not beside it: {rest}")
        if given["store"] is not None:
            self._store = given["store"]
        results = self._run(text, given["param"])
        if given["out"] is not None:
            self.shell.user_ns[given["out"]] = results
        return results if len(results) and not given["quiet"] else None

    def _run(self, text: str, given: Mapping[str, Any]) -> Results:
        connection = self.connection()
        parameters = connection.session.names.parameters
        before = dict(parameters)
        given = {**from_namespace(text, {*given, *before}, self.shell.user_ns), **given}
        try:
            results = connection.run_text(text, given)
        except KeyboardInterrupt:
            message = "Stopped: what was finished is kept, the same cell goes on from there"
            raise Diagnostic("interrupted", message, exit_code=1) from None
        finally:
            # What a cell was given counts for this cell; what it says with PARAM for those after it too.
            for name in given:
                parameters.pop(name, None)
                parameters.update({name: before[name]} if name in before else {})
        for remark in connection.session.remarks:
            print(f"note: {remark}")
        connection.session.remarks.clear()
        return results

    def connection(self) -> Connection:
        """The connection to the store in force, opened when first needed, with a bar of its own for each cell."""
        folder = store_folder(self._store).absolute()
        if folder not in self._connections:
            place = store_place(self._store)
            self._connections[folder] = Connection(place if is_url(str(place)) else folder)
        found = self._connections[folder]
        found.resources.progress = NotebookBar() if getattr(self.shell, "kernel", None) is not None else Bar()
        return found

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    @context_matcher(identifier="clq")  # type: ignore[untyped-decorator]
    def complete(self, context: Any) -> dict[str, Any]:
        """What could be written at the cursor, in %%clq cells and behind %clq."""
        lines = context.full_text.split("\n")
        offset = sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position
        begin = begin_of(context.full_text, offset)
        if begin is None:
            return {"completions": []}
        end = context.full_text.find("\n", begin) if not _CELL.match(context.full_text) else -1
        text = context.full_text[begin : end if end >= 0 else None]
        if offset < begin:
            return {"completions": []}
        known = self._connections.get(store_folder(self._store).absolute())
        offered = offers(text, offset - begin, known.session.known_names() if known is not None else Catalog())
        if not offered:
            return {"completions": [], "suppress": True}
        start = offered[0].start
        return {
            "completions": [SimpleCompletion(o.insert, type=o.kind) for o in offered if o.start == start],
            "matched_fragment": text[start : offset - begin], "ordered": True, "suppress": True,
        }  # fmt: skip


def begin_of(text: str, offset: int) -> int | None:
    """Where the clq text begins that the place is in (or before, among the options); None outside of any."""
    if _CELL.match(text):
        end = text.find("\n")
        return end + 1 if end >= 0 else None
    line = text.rfind("\n", 0, offset) + 1
    found = _LINE.match(text, line)
    if found is None or found.end() > offset:
        return None
    end = text.find("\n", line)
    rest = text[found.end() : end if end >= 0 else None]
    try:
        return found.end() + len(rest) - len(options_of(rest)[1])
    except Diagnostic:
        return None


def options_of(line: str) -> tuple[dict[str, Any], str]:
    """The options that a line begins with, and what follows them. Raises Diagnostic for one that does not exist."""
    given: dict[str, Any] = {"store": None, "param": {}, "out": None, "quiet": False}
    here = 0
    while option := _OPTION.match(line, here):
        name, here = option[1], option.end()
        if name not in OPTIONS:
            written = ", ".join(f"--{o} {v}".rstrip() for o, v in OPTIONS.items())
            raise Diagnostic("unknown-argument", f"%clq has no option --{name}.{did_you_mean(name, OPTIONS)}",
                             hint=f"options: {written}")  # fmt: skip
        if name == "quiet":
            given[name] = True
            continue
        value = _VALUE.match(line, here)
        if value is None:
            raise Diagnostic("missing-argument", f"--{name} needs a value: --{name} {OPTIONS[name]}")
        here = value.end()
        text = value[1][1:-1] if value[1][0] in "'\"" else value[1]
        if name == "param":
            key, equals, content = text.partition("=")
            if not equals or not key.isidentifier():
                raise Diagnostic("bad-argument", f"Write --param NAME=VALUE, not --param {text}")
            given["param"][key] = value_of(content.strip("'\""))
        elif name == "out" and not text.isidentifier():
            raise Diagnostic("bad-argument", f"--out names a variable; {text} cannot be one")
        else:
            given[name] = text
    return given, line[here:].strip()


def from_namespace(text: str, known: set[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the notebook's variables for each `$name` of a text that is not known and that the text does not set.

    Raises Diagnostic for a variable that is no number, text, or list of these.
    """
    try:
        tokens = scan(text)
    except Diagnostic:
        return {}  # what is wrong with the text is told when it is run
    set_here = {after.text for token, after in pairwise(tokens) if token.up == "PARAM"}
    out = {}
    for token in tokens:
        name = token.text[1:]
        if token.kind == "param" and name not in known | set_here and name in namespace:
            out[name] = _plain(namespace[name], token, text)
    return out


def _plain(value: Any, token: Token, text: str) -> Any:
    found = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(found, Path):
        return str(found)
    several = list(found) if isinstance(found, list | tuple) else [found]
    if not all(isinstance(v, bool | int | float | str) for v in several):
        problem = Diagnostic(
            "bad-argument", f"{token.text} is this notebook's variable {token.text[1:]}, a {type(value).__name__}",
            token.span, hint="numbers, text and lists of these can stand in a query; give another with --param",
        )  # fmt: skip
        raise problem.within(text)
    return several if isinstance(found, list | tuple) else found
