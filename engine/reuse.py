"""Rows that the store has already: the same work on the same image or text, whatever list it stood in then.

A scan whose rows depend on one image each, and a global operator whose rows depend on one text each, leave the
identities of their rows beside the artifact. The next one of the same work asks for them: added images and words cost
their own share, a larger sample only its new part.

    STORE/rows/<work>/<artifact>-<digest>.safetensors    'ids' [rows, 16], in the order of the artifact's rows
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from .artifact import Artifact, Result
from .files import digest_of, is_damage, unreadable, unwritable, write_aside
from .leases import needs
from .operator import Inputs, Operator, Rowwise, Scan, Source, digest, operator_inputs
from .resources import Resources
from .store import Store, rows_of

if TYPE_CHECKING:
    import numpy as np

    Rows = dict[str, np.ndarray]

MOST = 16  # earlier artifacts that are looked into, newest first


def work_key(operator: Scan | Rowwise) -> str:
    """Names what an operator does to an image or a text, apart from which of them there are."""
    rows_of = operator.dataset if isinstance(operator, Scan) else operator.rows_of
    choosing = operator.choosing if isinstance(operator, Scan) else frozenset()
    beside = {i.key for name in choosing for i in operator_inputs(getattr(operator, name))}
    sources = [i.key for i in operator.inputs if i is not rows_of and i.key not in beside]
    arguments = sorted((k, str(v)) for k, v in operator.arguments.items() if k not in choosing)
    return digest([type(operator).__name__, operator.version, [list(a) for a in arguments], sources])


def ids_of(identities: Sequence[str]) -> np.ndarray:
    """Identities of images or texts as bytes [rows] of 16."""
    import numpy as np

    return np.array([hashlib.blake2b(i.encode(), digest_size=16).digest() for i in identities], dtype="V16")


def ids_with(ids: np.ndarray, tails: Sequence[str]) -> np.ndarray:
    """Identities [rows] of rows of which an image may have several, from those of the images [rows] and what else tells
    the rows apart."""
    import numpy as np

    made = (hashlib.blake2b(i.tobytes() + t.encode(), digest_size=16) for i, t in zip(ids, tails, strict=True))
    return np.array([one.digest() for one in made], dtype="V16")


def remember(store: Store, operator: Operator, ids: np.ndarray, work: Scan | Rowwise | None = None) -> None:
    """Leave the identities of a finished artifact's rows for later ones of the same `work`: its own, if none is said.

    Raises TypeError for an operator whose rows do not stand for one image or text each.
    """
    import numpy as np
    from safetensors.numpy import save

    work = work or operator if isinstance(operator, Scan | Rowwise) else work
    if work is None:
        raise TypeError(f"{operator.label()} has no rows to be found again")
    folder = _folder(store, work)
    if any(folder.glob(f"{operator.key}-*")):
        return
    data = save({"ids": np.frombuffer(ids.tobytes(), np.uint8).reshape(-1, 16)})
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    write_aside(folder / f"{operator.key}-{digest_of(data)}.safetensors", data)


def _folder(store: Store, operator: Scan | Rowwise) -> Path:
    return store.root / "rows" / work_key(operator)


@dataclass
class Known:
    """Where rows are: for each the number of an artifact, and the row in it; -1 for none."""

    artifacts: list[Artifact]
    which: np.ndarray
    row: np.ndarray
    _last: tuple[Path, Rows] | None = field(default=None, repr=False)
    _firsts: dict[str, list[int]] = field(default_factory=dict, repr=False)

    @property
    def lacking(self) -> np.ndarray:
        """Whether [rows] there is none."""
        lacking: np.ndarray = self.which < 0
        return lacking

    def take(self, indices: np.ndarray) -> Rows:
        """These rows, each of which is there, in this order."""
        import numpy as np

        parts: list[tuple[np.ndarray, Rows]] = []
        for number in np.unique(self.which[indices]):
            places = np.flatnonzero(self.which[indices] == number)
            parts += self._from(self.artifacts[int(number)], places, self.row[indices][places])
        order = np.argsort(np.concatenate([places for places, _ in parts]), kind="stable")
        names = parts[0][1]
        return {name: np.concatenate([rows[name] for _, rows in parts])[order] for name in names}

    def _from(self, artifact: Artifact, places: np.ndarray, rows: np.ndarray) -> list[tuple[np.ndarray, Rows]]:
        import numpy as np

        files, out = artifact.files, []
        firsts = self._starts(artifact, files)
        file_of = np.searchsorted(firsts, rows, side="right") - 1
        for number in np.unique(file_of):
            inside, first = np.flatnonzero(file_of == number), firsts[number]
            held = self._read(files[number])
            out.append((places[inside], {k: v[rows[inside] - first] for k, v in held.items()}))
        return out

    def _starts(self, artifact: Artifact, files: Sequence[Path]) -> list[int]:
        """The first row of each file. Rows are taken for every shard of a round: the files are looked into once."""
        if artifact.key not in self._firsts:
            self._firsts[artifact.key] = list(accumulate(map(rows_of, files), initial=0))[:-1]
        return self._firsts[artifact.key]

    def _read(self, path: Path) -> Rows:
        """A shard; the last one is kept, for the next images are likely in it as well."""
        from safetensors.numpy import load_file

        if self._last is None or self._last[0] != path:
            self._last = path, load_file(path)
        return self._last[1]


def computed_rows(operator: Rowwise, inputs: Inputs, store: Store, resources: Resources) -> Result:
    """The output of a global operator whose rows depend on one text each: only new texts are worked on."""
    import numpy as np

    ids = ids_of(operator.identities(inputs))
    known = known_rows(store, operator, ids)
    new = np.arange(len(ids)) if known is None else np.flatnonzero(known.which < 0)
    rows: Rows = dict(operator.compute_rows(inputs, resources, new)) if len(new) or known is None else {}
    if known is not None and len(new) < len(ids):
        old = np.flatnonzero(known.which >= 0)
        order = np.argsort(np.concatenate([new, old]), kind="stable")
        rows = {k: np.concatenate([rows[k], v])[order] if rows else v for k, v in known.take(old).items()}
    remember(store, operator, ids)
    return Result(rows)


def known_rows(store: Store, operator: Scan | Rowwise, ids: np.ndarray) -> Known | None:
    """The rows of these images or texts that earlier runs of the same work have left; None if there are none.

    Only artifacts that have one of them are opened.
    """
    import numpy as np
    from safetensors.numpy import load

    found = Known([], np.full(len(ids), -1, np.int64), np.full(len(ids), -1, np.int64))
    for path in _newest(store.row_files(work_key(operator)))[:MOST]:
        key, _, sealed = path.stem.partition("-")
        if key == operator.key:
            continue
        data = _read(path)
        if data is None:
            continue
        sound = digest_of(data) == sealed
        new, rows = _match(found, ids, np.frombuffer(load(data)["ids"].tobytes(), "V16")) if sound else ((), ())
        if sound and not len(new):
            continue
        needs(store.root, key)
        held = store.held(key) if sound else None
        if held is None:
            # It is damaged, or its artifact is gone; not if another process is about to declare that whole.
            if not sound or not store.folder(key).exists():
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            continue
        found.which[new], found.row[new] = len(found.artifacts), rows
        found.artifacts.append(held)
        if (found.which >= 0).all():
            break
    return found if found.artifacts else None


def _newest(files: Sequence[Path]) -> list[Path]:
    """The files of identities, the newest first. Another process may take one away at any moment."""
    found = []
    for path in files:
        with contextlib.suppress(FileNotFoundError):
            found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found, reverse=True)]


def _read(path: Path) -> bytes | None:
    """The content, or None where it is lost. Raises Diagnostic if it may not be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        if is_damage(error):
            return None
        raise unreadable(path, error) from error


def lacking(store: Store, dataset: Source, scans: Sequence[Scan]) -> int | None:
    """How many images of a data set some of these scans have no row for; None where that cannot be told."""
    if dataset.identities is None or not all(s.rowwise for s in scans):
        return None
    ids = ids_of(dataset.identities())
    missing = _none(len(ids))
    for scan in scans:
        found = known_rows(store, scan, ids)
        if found is None:
            return len(ids)
        missing |= found.which < 0
    return int(missing.sum())


def _none(count: int) -> np.ndarray:
    import numpy as np

    return np.zeros(count, bool)


def _match(found: Known, ids: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the images that are not found yet are there, and in which row."""
    import numpy as np

    lacking = np.flatnonzero(found.which < 0)
    # As numbers rather than in a dictionary, which would hold two hundred bytes for each row.
    order, wanted = np.argsort(there.view("S16"), kind="stable"), ids[lacking].view("S16")
    place = np.searchsorted(there.view("S16"), wanted, side="right", sorter=order) - 1
    rows = order[np.maximum(place, 0)] if len(order) else np.zeros(len(wanted), np.int64)
    same = (place >= 0) & (there[rows] == ids[lacking]) if len(order) else np.zeros(len(wanted), bool)
    return lacking[same], rows[same]
