"""How much a store may hold: kept to after each run, by what was used least recently.

    STORE/settings.json    the size that `clq cache limit` has set

`SET cache_size` of a session comes first, then $CLQ_CACHE_SIZE, then what the store says. Counted are artifacts; tables
and the database they are in are the user's, and stay.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

from ..lang.diagnostic import Diagnostic
from ..lang.sizes import bytes_of, spoken_size
from .files import is_damage, sealed, unreadable, unsealed, write_aside
from .store import Store
from .upkeep import sweep

VARIABLE = "CLQ_CACHE_SIZE"


def limit(store: Store, given: str | int | None = None) -> int | None:
    """Bytes that artifacts may take, or None; `given` is what a session has set. Raises Diagnostic for no size."""
    if given is not None:
        return given if isinstance(given, int) else _size(given, "SET cache_size")
    said = os.environ.get(VARIABLE)
    return _size(said, f"${VARIABLE}") if said else kept_limit(store)


def _size(text: str, where: str) -> int | None:
    if text.strip().lower() == "none":
        return None
    found = bytes_of(text)
    if found is None:
        raise Diagnostic("bad-argument", f"{where} is a size such as 500MB or 20GB, or none; it is {text}")
    return found


def kept_limit(store: Store) -> int | None:
    """What the store itself says. Raises Diagnostic if that is damaged."""
    path = store.root / "settings.json"
    try:
        found = unsealed(path.read_bytes())["cache_size"]
        return None if found is None else int(found)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, OSError) and not is_damage(error):
            raise unreadable(path, error) from error
        raise Diagnostic(
            "damaged-artifact", f"{path}, which says how much the store may hold, is damaged", exit_code=1,
            hint="give clq cache limit SIZE (or none) again",
        ) from error  # fmt: skip


def keep_limit(store: Store, size: int | None) -> None:
    """From now on this is what the store says."""
    write_aside(store.root / "settings.json", json.dumps(sealed({"cache_size": size})).encode())


def kept_to(store: Store, given: str | int | None, cleared: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Clear up what is above the size; what there is to say about it. What is in use or pinned stays.

    `cleared` is called if something has gone.
    """
    try:
        size = limit(store, given)
        if size is None:
            return
        done = sweep(store, size)
    except Diagnostic as problem:  # the answers are there; this can wait
        yield f"nothing was cleared up: {problem.message}" + (f"; {problem.hint}" if problem.hint else "")
        return
    if done.removed:
        cleared()
        freed = spoken_size(sum(i.bytes for i in done.removed))
        what = "artifact" if len(done.removed) == 1 else "artifacts"
        yield f"{len(done.removed)} {what} of least recent use ({freed}) went: cache_size is {spoken_size(size)}"
    if done.kept > size:
        kept = spoken_size(done.kept)
        yield f"the store holds {kept}, more than cache_size, {spoken_size(size)}: the rest is pinned or in use"
