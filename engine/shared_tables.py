"""The tables of a machine, kept at the remote of a shared store: there another one makes its catalogue of them.

    URL/tables/<catalogue>/<digest>.parquet    a file of STORE/tables, by its content
    URL/tables/<catalogue>/catalogue.json      written last: which files there are, and their digests

Each folder that serves as a cache has a catalogue of its own there, so no machine writes over the tables of another.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..lang.diagnostic import Diagnostic, listing
from .backup import digest_file, kept
from .files import digest_of, sealed, unreadable, unsealed, write_aside
from .remote import Remote


@dataclass(frozen=True)
class Kept:
    """The tables of one machine: its files and their digests, and when they were put there (seconds since 1970)."""

    catalogue: str
    machine: str
    written: float
    files: Mapping[str, str]


def put_tables(
    root: Path, remote: Remote, own: str, before: Mapping[str, str], meet: Callable[[], None]
) -> dict[str, str]:  # fmt: skip
    """Put there what is new or other than `before`; what is there now. If anything is, `meet` is called first."""
    now: dict[str, str] = {}
    for path in kept(root):
        try:
            data = None
            digest = _said(path)
            if digest is None or before.get(path.name) != digest:
                data = path.read_bytes()
                digest = digest_of(data)
        except FileNotFoundError:  # dropped meanwhile by another process, which puts there what it leaves
            continue
        except OSError as error:
            raise unreadable(path, error) from error
        if data is not None and before.get(path.name) != digest:
            meet()
            remote.put(f"tables/{own}/{digest}.parquet", data)
        now[path.name] = digest
    if now == before:
        return now
    meet()
    facts = {"tables": now, "written": time.time(), "machine": platform.node()}
    remote.put(f"tables/{own}/catalogue.json", json.dumps(sealed(facts)).encode())
    for digest in set(before.values()) - set(now.values()):
        remote.remove(f"tables/{own}/{digest}.parquet")
    return now


def _said(path: Path) -> str | None:
    """The digest that is kept beside a file."""
    try:
        return digest_file(path).read_text(encoding="ascii")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def catalogues(remote: Remote) -> list[Kept]:
    """Those that are there, the last written first; a damaged one counts as none."""
    out = []
    for name in remote.folders("tables"):
        try:
            found = unsealed(remote.get(f"tables/{name}/catalogue.json") or b"")
            files = {str(k): str(v) for k, v in found["tables"].items()}
            out.append(Kept(name, str(found["machine"]), float(found["written"]), files))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return sorted(out, key=lambda k: -k.written)


def chosen(remote: Remote, own: str, name: str | None) -> Kept | None:
    """The catalogue of this name; else one's own, else the only one. Raises Diagnostic where it must be said which."""
    found = {k.catalogue: k for k in catalogues(remote)}
    if name is None and own in found:
        return found[own]
    if name is None and len(found) < 2:
        return next(iter(found.values()), None)
    if name in found:
        return found[str(name)]
    message = f"{remote.shown} has no tables of {name}" if name else f"several machines keep tables at {remote.shown}"
    raise Diagnostic("unknown-name", message, hint=f"say whose with --from: {listing(found)}")


def get_tables(root: Path, remote: Remote, held: Kept) -> None:
    """Bring the files of a catalogue here, for `Catalogue.rebuild`. Raises Diagnostic if one is missing or damaged."""
    (root / "tables").mkdir(exist_ok=True)
    for name, digest in held.files.items():
        data = remote.get(f"tables/{held.catalogue}/{digest}.parquet")
        if data is None or digest_of(data) != digest or "/" in name or name.startswith("."):
            raise Diagnostic(
                "damaged-artifact", f"{name} of {held.catalogue} at {remote.shown} is damaged or gone", exit_code=1,
                hint="run clq cache push on the machine that it is of, or make the tables again by their script",
            )  # fmt: skip
        path = root / "tables" / name
        write_aside(path, data)
        write_aside(digest_file(path), digest.encode())
