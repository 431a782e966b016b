"""`clq.connect()`: the same engine from Python and notebooks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.catalogue import Catalogue
from ..engine.places import folder_of, store_at
from ..engine.resources import Callback, Progress, Resources, Silent
from ..engine.telling import Telling
from ..engine.trace import Trace
from ..lang.diagnostic import Diagnostic, as_one
from ..lang.reserved import refuse_reserved
from ..lang.script import unread_parameters
from .results import Result, Results
from .session import Session
from .where import device_of, limit_of, log_of, spread_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from ..engine.store import Store
    from .render_plan import PlanView

STORE = ".clq"


def store_place(given: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    """The folder or URL of the store: what was given, $CLQ_STORE, or `.clq` here."""
    return given or os.environ.get("CLQ_STORE") or STORE


def store_folder(given: str | os.PathLike[str] | None) -> Path:
    """The folder of the store on this machine: for a URL, that of its cache."""
    return folder_of(store_place(given))


def opened_store(given: str | os.PathLike[str] | None, log: str | None = None) -> Store:
    """The store itself; what happens to it is told to a `log` as that of a connection is."""
    store = store_at(store_place(given))
    store.telling = Telling(log=log_of(log))
    return store


class Connection:
    """A store opened for queries. Use as a context manager, or close it; names made by LET live as long as it does.

    `store` is a folder, or the URL of a store that machines share; `cache` is then where folders for it are made here.
    Work is done, and kept, by `shard` images at a time; what was made by another number is not taken up.
    `backend` and `workers` say who computes, and `memory` (bytes, or '2GB') what may be held, as SET does. `trace`
    names a file for Perfetto or chrome://tracing, written when the connection is closed; `log` one to which what
    happens is appended, a JSON object a line (else that of $CLQ_LOG).
    """

    def __init__(
        self, store: str | os.PathLike[str] | None = None, *, device: str = "cpu", batch: int = 64, shard: int = 512,
        backend: str | None = None, workers: int | None = None, memory: int | str | None = None,
        progress: Progress | Callable[[str, int, int], None] | None = None,
        trace: str | os.PathLike[str] | None = None, log: str | os.PathLike[str] | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:  # fmt: skip
        if shard < 1:
            raise Diagnostic("bad-argument", f"a shard has 1 image or more; it is {shard}")
        self.store = store_at(store_place(store), cache)
        shown: Progress = Silent()
        if progress is not None:
            shown = Callback(progress) if callable(progress) else progress
        self.resources = Resources(
            device=device_of(device), batch=batch, shard=shard, spread=spread_of(backend, workers),
            limit=limit_of(memory), progress=shown,
            telling=Telling(None if trace is None else Trace(Path(trace)), log_of(log)),
        )  # fmt: skip
        self.store.telling = self.resources.telling
        self.catalogue = Catalogue(self.store.root, self.resources.telling)
        self.session = Session(self.store, self.catalogue, self.resources)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.store.abandon()  # what went wrong is to be told, and not what this did to a shared store
        self.close()

    def close(self) -> None:
        """Close the catalogue and write the trace, if one was asked for.

        Raises Diagnostic 'store-unreachable' if a shared store has not got all that was made.
        """
        self.catalogue.close()
        telling = self.resources.telling
        if telling.trace is not None:
            telling.trace.save()
        try:
            self.store.close()
        finally:
            telling.log.close()

    def run(self, text_or_path: str | os.PathLike[str], **parameters: Any) -> Results:
        """Run clq text, or a `.clq` file if a path is given; keyword arguments fill `$names`.

        Raises Diagnostic for whatever the text has wrong, placed in it.
        """
        text, path = read_script(text_or_path)
        return self.run_text(text, parameters, path)

    def run_text(self, text: str, parameters: Mapping[str, Any], path: str | None = None) -> Results:
        """As `run`, for a text that is never taken for the name of a file."""
        self._refuse_unread(text, path, parameters)
        return self._shown(self.session.run(text, path, parameters))

    def sql(self, query: str) -> Result:
        """Run one SQL statement (clq queries may stand in it in parentheses)."""
        return self._shown(self.session.run(query)).last

    def _shown(self, results: Results) -> Results:
        """The results with what notebooks need to show their pictures: the names as they are now."""
        from .pictures import Pictures

        names = self.session.names.fork()
        names.find_table = lambda name: None
        pictures = Pictures(names, self._evidence)
        return Results([replace(result, pictures=pictures) for result in results])

    def _evidence(self, table: str, targets: Sequence[str]) -> pa.Table:
        """The rows with high activation behind some targets, best first. Raises Unseen when they cannot be had."""
        import duckdb

        from .pictures import Unseen

        quoted = table.replace('"', '""')
        try:
            return self.catalogue.connection.sql(
                f'FROM "{quoted}" WHERE side = \'high\' AND list_contains($targets, target) ORDER BY target, rank',
                params={"targets": list(targets)},
            ).to_arrow_table()
        except duckdb.Error as error:
            raise Unseen(f"{table} is not to be had: the connection is closed, or the table gone") from error

    def plan(self, text_or_path: str | os.PathLike[str], **parameters: Any) -> PlanView:
        """What would run: prints as text; `.rows`, `.df()`, `.mermaid()`, `.dot()` and `.svg()` show it otherwise."""
        text, path = read_script(text_or_path)
        self._refuse_unread(text, path, parameters)
        return self.session.plan(text, path, parameters)

    def _refuse_unread(self, text: str, path: str | None, parameters: Mapping[str, Any]) -> None:
        """Raises Diagnostic for a value whose $name is neither in the text nor in a query that was defined earlier."""
        mistake = as_one(unread_parameters([(text, path)], parameters, self.session.names.definitions))
        if mistake is not None:
            raise mistake

    def register(
        self, name: str, module: Any, preprocess: Any = None, version: str | None = None,
        classes: Sequence[str] | None = None, channels_last: Sequence[str] = (),
    ) -> None:
        """Make a `torch.nn.Module` a model of the language.

        `preprocess` is a `clq.ops.preprocess.Preprocess`, or a function of a list of uint8 arrays [H, W, 3] that
        gives the input [n, 3, h, w]; with a function, `version` must change whenever its code does. `classes` names the
        outputs, so that CLASS 'boat' can be written; `channels_last` are the layers that give maps [n, H, W, C].

        Raises Diagnostic 'reserved-name' for a word of SQL or a name of clq's own, and those of `registered`.
        """  # fmt: skip
        from ..stdlib.models.registered import registered

        if not re.fullmatch(r"[^\W\d]\w*", name):
            raise Diagnostic("bad-argument", f"{name} is no name: letters, digits and _, a letter first")
        refuse_reserved(name)
        if self.session.names.built_in(name) is not None:
            raise Diagnostic("reserved-name", f"{name} is what clq itself calls {name.lower()}; choose another name")
        self.session.names.made[name] = registered(name, module, preprocess, version, classes, channels_last)

    @property
    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """DuckDB's own connection, with the catalogue attached read-only as `clq`."""
        return self.catalogue.connection

    @property
    def counts(self) -> dict[str, int]:
        """How much was done so far: images decoded, forwards of each model, rounds."""
        return dict(self.resources.counts)


def read_script(text_or_path: str | os.PathLike[str]) -> tuple[str, str | None]:
    """The text of a script and its path, if it is a file's. A string is a path if it ends in .clq and has one line."""
    if isinstance(text_or_path, str) and not (text_or_path.endswith(".clq") and "\n" not in text_or_path):
        return text_or_path, None
    path = Path(text_or_path)
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except FileNotFoundError as error:
        raise Diagnostic("unread-file", f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Diagnostic("unread-file", f"{path} cannot be read: {error}") from error


def connect(store: str | os.PathLike[str] | None = None, **options: Any) -> Connection:
    """Open a store (made if missing): `connect(store='results', device='cuda')`. Options are Connection's."""
    return Connection(store, **options)
