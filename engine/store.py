"""The store: artifacts by the key of the operator that makes them, safe under crashes and several processes.

    STORE/objects/ab/abcdef…/00000000-00000512-<digest>.safetensors   a shard: images 0 to 511, digest of its content
                             made                         names of the shards, as they come; a clean-up takes it away
                             artifact.json                            written last: the artifact is whole
    STORE/clq.duckdb                                      the catalogue (engine.catalogue)
    STORE/layout.json                                     which form of all this it is
    STORE/fingerprints.json                               digests of files, remembered by size, mtime and inode

A file is written aside, synced and renamed. So a killed run leaves whole shards, and the next one goes on after them. A
shard whose content does not match its name is set aside and made again. Small JSON files carry a digest of themselves.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from io import BufferedRandom
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..lang.diagnostic import Diagnostic
from .artifact import Artifact, Result
from .files import (
    digest_of,
    digest_of_file,
    is_damage,
    link,
    place_written,
    reached,
    sealed,
    unreadable,
    unsealed,
    unwritable,
    write_aside,
)  # fmt: skip
from .operator import Operator
from .telling import Telling

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

FORMAT = 2  # of an artifact
LAYOUT = 1  # of the folder
MADE = "made"  # beside the shards of an artifact: their names, a line each
_SHARD = re.compile(r"(\d{8,})-(\d{8,})-[0-9a-f]+\.safetensors")


def is_whole(path: Path) -> bool:
    """Whether the content of a shard is what its name says. Raises Diagnostic if it may not be read."""
    try:
        with open(path, "rb") as file:
            return digest_of_file(file) == path.stem.rpartition("-")[2]
    except OSError as error:
        if is_damage(error):
            return False
        raise unreadable(path, error) from error


class _Made:
    """The names of the shards of an unfinished artifact: those that were in its folder at first, and each put there
    since."""

    def __init__(self, log: Path) -> None:
        self._log, self._read, self._whole = log, 0, False
        self._names: dict[str, str] = {}
        self._read_on()  # before the folder is listed, so that nothing is missed in between
        self._list()

    def name(self, span: str) -> str | None:
        self._read_on()
        return self._names.get(span)

    def _list(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._add(os.listdir(self._log.parent))

    def _read_on(self) -> None:
        lines = b""
        try:
            with open(self._log, "rb") as file:
                file.seek(self._read)
                lines = file.read()
        except FileNotFoundError:
            # A clean-up has taken the list away, perhaps with names that were not read yet.
            if not self._whole and self._log.with_name("artifact.json").exists():
                self._whole = True
                self._list()
        whole = lines[: lines.rfind(b"\n") + 1]
        self._read += len(whole)
        self._add(whole.decode("ascii", "replace").split())

    def _add(self, names: Iterable[str]) -> None:
        self._names.update((name.rpartition("-")[0], name) for name in names if _SHARD.fullmatch(name))


def _note_made(path: Path) -> None:
    """Tell other workers of a shard. Whoever does not hear of it makes the same again."""
    try:
        with open(path.with_name(MADE), "ab", buffering=0) as file:
            file.write(f"{path.name}\n".encode())
    except OSError as error:
        raise unwritable(path.parent, error) from error


class Store:
    """A folder of artifacts. Opening it creates it; errors of the file system become diagnostics."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.damaged: list[str] = []
        self.telling = Telling()
        self._open: dict[str, Artifact] = {}
        self._made: dict[str, _Made] = {}
        try:
            (root / "objects").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(root, error, exit_code=2) from error
        self._check_layout()

    def _check_layout(self) -> None:
        """Raises Diagnostic 'store-newer' for a store that a later clq has made in another form."""
        path, made = self.root / "layout.json", 0
        try:
            made = int(unsealed(path.read_bytes())["layout"])
        except (OSError, ValueError, KeyError, TypeError):
            with contextlib.suppress(Diagnostic):  # one may not be able to write here, only to read
                write_aside(path, json.dumps(sealed({"layout": LAYOUT})).encode())
        if made > LAYOUT:
            raise Diagnostic(
                "store-newer", f"{self.root} was made by a later version of clq, whose stores look otherwise",
                hint="use that version, or name another store with --store DIR or $CLQ_STORE",
            )  # fmt: skip

    def check_writable(self) -> None:
        """Raises Diagnostic 'store-unwritable' or 'disk-full' now, rather than after the first shard was computed."""
        try:
            with tempfile.TemporaryFile(dir=self.root / "objects") as probe:
                probe.write(b"clq")
        except OSError as error:
            raise unwritable(self.root, error, exit_code=2) from error

    def folder(self, key: str) -> Path:
        return self.root / "objects" / key[:2] / key

    # ------------------------------------------------------------ what only a shared store does (engine.shared)

    url: str | None = None

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return str(self.root)

    def begin(self) -> None:
        """A run begins: what others have made since the last one counts."""

    def expect(self, keys: Iterable[str]) -> None:
        """Soon `find` will be asked for these."""

    def glance(self) -> AbstractContextManager[None]:
        """Within, to find an artifact is to know of it: its files need not be here."""
        return nullcontext()

    def described(self, operator: Operator) -> Artifact | None:
        """What is known of an artifact; its files need not be here."""
        return self.find(operator)

    def share_shard(self, operator: Operator, name: str) -> None:
        """Let others have a shard of an artifact that is not finished."""

    def owed(self) -> set[str]:
        """The keys of what others should have and do not have yet."""
        return set()

    def settle(self) -> Iterator[str]:
        """At the end of a run: let others have what it made. What there is to say about it."""
        return iter(())

    def close(self) -> None:
        """Raises Diagnostic if others still lack something."""

    def abandon(self) -> None:
        """The same after an error: nothing more is done, and nothing said."""

    # ------------------------------------------------------------ artifacts

    def find(self, operator: Operator) -> Artifact | None:
        """The verified artifact, or None. A damaged one is set aside and counts as missing."""
        return self.held(operator.key)

    def held(self, key: str, *, use: bool = True) -> Artifact | None:
        """As `find`, by the operator's key. Without `use` it does not count as used."""
        folder = self.folder(key)
        path = folder / "artifact.json"
        if key in self._open:
            if path.exists():
                if use:
                    _touch(path)
                return self._open[key]
            del self._open[key]  # it was cleared up since
        try:
            manifest = unsealed(path.read_bytes())
            sound = manifest["format"] == FORMAT and all(is_whole(folder / name) for name in manifest["files"])
        except FileNotFoundError:
            return None
        except OSError as error:
            if not is_damage(error):
                raise unreadable(path, error) from error
            sound = False
        except (ValueError, KeyError, TypeError):  # torn or foreign
            sound = False
        if not sound:
            self._set_aside(folder)
            return None
        if use:
            _touch(path)
        self._open[key] = Artifact(key, folder, manifest)
        return self._open[key]

    def _set_aside(self, folder: Path) -> None:
        """Drop the manifest and the shards that are damaged; what is sound is used again."""
        self.damaged.append(folder.name)
        self.telling.artifact_damaged(folder.name)
        try:
            # Another process may find the same damage at the same time: then its files are aside already.
            with contextlib.suppress(FileNotFoundError):
                os.replace(folder / "artifact.json", folder / "artifact.damaged")
            reached("damage set aside", folder)
            for path in sorted(folder.glob("[0-9]*-*.*")):
                if not is_whole(path):
                    _put_aside(path)
        except OSError as error:
            raise unwritable(folder, error) from error

    def shards(self, operator: Operator) -> dict[range, Path]:
        """The whole shards of an unfinished artifact, by the images they are of; a damaged one is set aside."""
        found = {}
        self._made.pop(operator.key, None)
        for path in sorted(self.folder(operator.key).glob("[0-9]*-*-*.safetensors")):
            if _sound(path):
                first, stop, _ = path.name.split("-", 2)
                found[range(int(first), int(stop))] = path
        return found

    def shard(self, operator: Operator, images: range) -> Path | None:
        """One whole shard of an unfinished artifact; a damaged one is set aside.

        A worker asks for every shard that it is to make: the folder, which has as many, is listed once, and what other
        processes have put there since stands in its list.
        """
        folder = self.folder(operator.key)
        if operator.key not in self._made:
            self._made[operator.key] = _Made(folder / MADE)
        name = self._made[operator.key].name(_span(images))
        return folder / name if name is not None and _sound(folder / name) else None

    def row_files(self, work: str) -> list[Path]:
        """Where the rows of artifacts of the same work are told (engine.reuse)."""
        return list((self.root / "rows" / work).glob("*-*.safetensors"))

    def put_shard(self, operator: Operator, images: range, arrays: Mapping[str, np.ndarray]) -> Path:
        """Store what a scan made of some images. The range is in the name: shards of another size never mix."""
        path = self._put_arrays(operator, images, arrays)
        _note_made(path)
        return path

    def _put_arrays(self, operator: Operator, images: range, arrays: Mapping[str, np.ndarray]) -> Path:
        from safetensors.numpy import save

        data = save({k: _contiguous(v) for k, v in arrays.items()})
        return self._put(operator, _span(images), data, "safetensors")

    def put_part(self, operator: Operator, images: range, arrays: Mapping[str, np.ndarray]) -> Path:
        """Store what a scan made of those images of a shard that could be read; it is no shard of the artifact."""
        from safetensors.numpy import save

        data = save({k: _contiguous(v) for k, v in arrays.items()})
        return self._put(operator, f"part-{_span(images)}", data, "safetensors")

    def adopt(self, operator: Operator, files: Sequence[Path], rows: int) -> Artifact:
        """Declare an artifact of files that others have made; they stay where they are as well."""
        folder = self.made_folder(operator.key)
        own = [folder / path.name for path in files]
        for there, here in zip(files, own, strict=True):
            if not here.exists():
                link(there, here)
        return self.finish(operator, own, rows, 0.0, {})

    def put(self, operator: Operator, result: Result, seconds: float) -> Artifact:
        """Store the whole output of a global operator."""
        if result.table is not None:
            path, rows = self._put_table(operator, result.table)
        else:
            arrays = dict(result.arrays or {})
            rows = max((len(a) for a in arrays.values()), default=0)
            path = self._put_arrays(operator, range(rows), arrays)
        return self.finish(operator, [path], rows, seconds, result.facts)

    def _put_table(self, operator: Operator, table: pa.Table | pa.RecordBatchReader) -> tuple[Path, int]:
        """The file and how many rows went into it. A reader's batches are row groups, written as they come."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = 0

        def write(file: BufferedRandom) -> str:
            nonlocal rows
            with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
                if isinstance(table, pa.Table):
                    writer.write_table(table)
                    rows = table.num_rows
                else:
                    for batch in table:
                        writer.write_batch(batch)
                        rows += batch.num_rows
            return f"00000-{digest_of_file(file)}.parquet"

        return place_written(self.made_folder(operator.key), "00000.parquet", write), rows

    def finish(
        self, operator: Operator, files: list[Path], rows: int, seconds: float, facts: Mapping[str, Any]
    ) -> Artifact:
        """Declare an artifact whole."""
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "op": type(operator).__name__,
            "version": operator.version,
            "label": operator.label(),
            "inputs": [i.key for i in operator.inputs],
            "files": {p.name: {"bytes": p.stat().st_size} for p in files},
            "rows": rows,
            "seconds": round(seconds, 4),
            "made": time.time(),
            "facts": dict(facts),
        }
        manifest = sealed(manifest)
        folder = self.made_folder(operator.key)
        write_aside(folder / "artifact.json", json.dumps(manifest, ensure_ascii=False).encode())
        self._made.pop(operator.key, None)
        self._open[operator.key] = Artifact(operator.key, folder, manifest)
        self.telling.artifact_stored(self._open[operator.key])
        return self._open[operator.key]

    def _put(self, operator: Operator, stem: str, data: bytes, suffix: str) -> Path:
        path = self.made_folder(operator.key) / f"{stem}-{digest_of(data)}.{suffix}"
        write_aside(path, data)
        return path

    def made_folder(self, key: str) -> Path:
        """The folder of an artifact, made if it is missing."""
        folder = self.folder(key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error
        return folder


def _touch(path: Path) -> None:
    """When it was last used, for who clears up."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _span(images: range) -> str:
    return f"{images.start:08d}-{images.stop:08d}"


def span_of(name: str) -> range | None:
    """The images that a shard is of, by its name."""
    found = _SHARD.fullmatch(name)
    return None if found is None else range(int(found[1]), int(found[2]))


def _sound(path: Path) -> bool:
    """Whether a shard is whole; a damaged one is set aside."""
    if is_whole(path):
        return True
    try:
        _put_aside(path)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    return False


def _put_aside(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.replace(path, path.with_name(f"damaged.{path.name.replace('-', '.')}"))


def rows_of(path: Path) -> int:
    """The rows of a shard, from its header."""
    from safetensors import safe_open

    with safe_open(str(path), framework="numpy") as file:
        return max((int(file.get_slice(k).get_shape()[0]) for k in file.keys()), default=0)  # noqa: SIM118


def _contiguous(array: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.ascontiguousarray(array)
