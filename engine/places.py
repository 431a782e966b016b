"""Where a store is: a folder, or a URL, which has a folder on this machine as its cache."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..lang.diagnostic import Diagnostic
from .files import digest_of
from .remote import Remote, is_url
from .store import Store

CACHES = "CLQ_CACHE"
UPLOAD = "CLQ_UPLOAD"


def folder_of(place: str | os.PathLike[str], caches: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a store on this machine: itself, or for a URL one among the `caches`, $CLQ_CACHE if none are said.

    Raises Diagnostic 'bad-argument' for a URL that was made a path, and so lost a slash.
    """
    text = os.fspath(place)
    if not is_url(text):
        if re.match(r"(s3a?|gc?s|az|abfss?|memory|file):/", text):
            url = text.replace(":/", "://", 1)
            raise Diagnostic("bad-argument", f"{text} is a path; a URL is given as text: {url}")
        return Path(place).expanduser()
    remote = Remote(text)
    base = caches or os.environ.get(CACHES) or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "clq"
    name = re.sub(r"[^A-Za-z0-9.]+", "-", remote.shown.partition("://")[2]).strip("-.")[-40:]
    return Path(base).expanduser() / f"{name}-{digest_of(remote.url.encode())[:8]}"


def store_at(
    place: str | os.PathLike[str], caches: str | os.PathLike[str] | None = None, *, worker: bool = False
) -> Store:  # fmt: skip
    """Open the store at a folder or URL. For a URL nobody is asked yet."""
    text, folder = os.fspath(place), folder_of(place, caches)
    return shared_store(folder, text, worker=worker) if is_url(text) else Store(folder)


def shared_store(folder: Path, url: str, *, worker: bool = False) -> Store:
    """The store at a URL whose cache is this folder."""
    from .shared import SharedStore

    return SharedStore(folder, Remote(url, read_only=_only_read()), worker=worker)


def _only_read() -> bool:
    said = os.environ.get(UPLOAD, "yes").strip().lower()
    if said not in {"yes", "no"}:
        raise Diagnostic("bad-argument", f"${UPLOAD} is yes or no; it is {said}")
    return said == "no"
