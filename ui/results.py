"""What a statement gives back: rows to read, the table they went into, and remarks for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .pictures import Pictures
    from .render_plan import PlanView


@dataclass(frozen=True)
class Result:
    """One statement's rows. `table` names the DuckDB table they are in, if any; `text` and `plan` are what PLAN shows,
    `pictures` shows images of the rows in notebooks."""

    statement: str
    rows: pa.Table
    table: str | None = None
    evidence: str | None = None
    text: str | None = None
    plan: PlanView | None = None
    remarks: tuple[str, ...] = ()
    pictures: Pictures | None = field(default=None, repr=False, compare=False)

    def arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        return self.rows

    def df(self) -> pd.DataFrame:
        """The rows as a pandas data frame."""
        return self.rows.to_pandas()

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def __repr__(self) -> str:
        from .render import plain

        return self.text or plain(self.rows)

    def _repr_html_(self) -> str:
        """What notebooks show."""
        from .html import html_of

        return html_of([self])


class Results(Sequence[Result]):
    """The results of a script, in order. `.df()` and `.arrow()` are the last one's; `.tables` names all tables made."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results = tuple(results)

    def __getitem__(self, index: Any) -> Any:
        return self._results[index]

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    @property
    def last(self) -> Result:
        """The last statement's result. Raises LookupError for a script that only sets things up."""
        if not self._results:
            raise LookupError("this script has no statement that gives rows")
        return self._results[-1]

    @property
    def tables(self) -> list[str]:
        """Names of the DuckDB tables the script made, evidence included."""
        return [name for r in self._results for name in (r.table, r.evidence) if name]

    def df(self) -> pd.DataFrame:
        return self.last.df()

    def arrow(self) -> pa.Table:
        return self.last.arrow()

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self._results))

    def _repr_html_(self) -> str:
        from .html import html_of

        return html_of(self)
