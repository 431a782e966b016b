"""`clq ps`"""

from __future__ import annotations

import sys
import time

import click

from ..running import FORMATS, store_option


@click.command("ps")
@store_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True,
              help="How rows are printed.")
def COMMAND(store: str | None, form: str) -> None:
    """What is running on the store, in any process of this machine."""
    import pyarrow as pa

    from ...engine.leases import running
    from ..connection import store_folder
    from ..render import write
    from ..results import Result, Results

    now = time.time()
    found = running(store_folder(store))
    rows = pa.table(
        {
            "process": pa.array([r.process for r in found], pa.int64()),
            "seconds": pa.array([round(now - r.began, 1) for r in found], pa.float64()),
            "statement": pa.array([r.what for r in found], pa.string()),
        }
    )
    write(Results([Result("", rows)]), form, sys.stdout)
