"""The user's SQL on the catalogue: what writes goes to a copy, which takes the catalogue's place when it is whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.catalogue import Catalogue
from ..lang.rows import named_in
from .answering import first_word
from .results import Result
from .tables import Tables

Fetch = Callable[[Any], Result]


class _Undone(Exception):
    """Carries the results of a transaction that is rolled back out of the commit that must not happen."""

    def __init__(self, results: list[Result]) -> None:
        self.results = results


class Transaction:
    """Runs statements one by one; those between BEGIN and COMMIT together, all or none."""

    def __init__(self, catalogue: Catalogue, tables: Tables) -> None:
        self.catalogue, self.tables = catalogue, tables
        self._begun: list[Fetch] | None = None
        self._named: set[str] = set()

    def forget(self) -> None:
        """A script that failed inside a transaction leaves none behind."""
        self._begun = None

    def run(self, sql: str, fetch: Fetch, results: list[Result]) -> Result | None:
        """The result of a statement; those of a transaction are added to `results` when it ends."""
        word = first_word(sql)
        if self._begun is None:
            if word in {"BEGIN", "START"}:
                self._begun, self._named = [], set()
                return None
            if not self.catalogue.writes(sql):
                if any("meta" in name.split(".")[:-1] for name in named_in(sql)):
                    self.tables.commit()  # what is recorded of the answers above is there only then
                return fetch(self.catalogue.connection)
            self.tables.commit()
            return self.catalogue.commit(fetch, named_in(sql))
        if word in {"COMMIT", "END", "ROLLBACK", "ABORT"}:
            begun, self._begun = self._begun, None
            self.tables.commit()
            results += self._all(begun, keep=word in {"COMMIT", "END"})
            return None
        self._begun.append(fetch)
        self._named |= named_in(sql)
        return None

    def _all(self, statements: list[Fetch], keep: bool) -> list[Result]:
        def work(con: Any) -> list[Result]:
            found = [fetch(con) for fetch in statements]
            if not keep:
                raise _Undone(found)
            return found

        try:
            return self.catalogue.commit(work, self._named)
        except _Undone as undone:
            return undone.results
