"""Objects at a URL, read, written and listed by name through fsspec; whatever goes wrong there becomes a Diagnostic.

Nothing is imported and nobody is asked before the first request.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ..lang.diagnostic import Diagnostic
from .files import sealed, unsealed

T = TypeVar("T")

LAYOUT = 1
UNREACHABLE = "store-unreachable"
AT_ONCE = 8  # requests that wait for their answers at the same time
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# The file systems in which a folder must exist before a file in it. Buckets have no folders, and to ask one of them for
# a folder would make the bucket.
_WITH_FOLDERS = {"file", "ftp", "hdfs", "local", "memory", "sftp", "smb", "ssh", "webdav", "webhdfs"}
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


def is_url(text: str) -> bool:
    return _URL.match(text) is not None


class Remote:
    """What stands below one URL. `moved` counts requests, and files and bytes that were got and put."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url.rstrip("/")
        self.read_only = read_only
        self.began = False  # something was computed: from then on an error is one found while running
        self.moved: Counter[str] = Counter()
        self._naming, self._counting = threading.Lock(), threading.Lock()
        self._opened: tuple[Any, str] | None = None
        self._name: str | None = None

    @property
    def shown(self) -> str:
        """The URL for messages: without a password."""
        return re.sub(r"//[^/@]*@", "//", self.url)

    @property
    def name(self) -> str:
        """What the remote calls itself; one that was emptied is another one. The first to ask gives it a name.

        Raises Diagnostic 'store-unreachable', or 'store-newer' for one that a later clq has laid out otherwise.
        """
        with self._naming:
            if self._name is None:
                found = self._read_name()
                if found is None and not self.read_only:
                    found = self._write_name(uuid.uuid4().hex[:12])
                self._name = found or ""
        return self._name

    def check_writable(self) -> None:
        """Raises Diagnostic where nothing may be written and something is to be."""
        if not self.read_only:
            self._write_name(self.name)

    def _read_name(self) -> str | None:
        data = self.get("layout.json")
        if data is None:
            return None
        try:
            found = unsealed(data)
            layout, name = int(found["layout"]), str(found["name"])
        except (ValueError, KeyError, TypeError):  # torn: it is written again
            return None
        if layout > LAYOUT:
            raise Diagnostic(
                "store-newer", f"{self.shown} was made by a later version of clq, whose stores look otherwise",
                hint="use that version, or name another store",
            )  # fmt: skip
        return name

    def _write_name(self, name: str) -> str:
        self.put("layout.json", json.dumps(sealed({"layout": LAYOUT, "name": name})).encode())
        return name

    # ------------------------------------------------------------ objects

    def get(self, name: str) -> bytes | None:
        """The content of an object; None if there is none."""
        fs, root = self._fs()
        try:
            data = self._asked("read", lambda: fs.cat_file(f"{root}/{name}"))
        except FileNotFoundError:
            self._count("", 0)
            return None
        self._count("got", len(data))
        return bytes(data)

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whole."""
        fs, root = self._fs()
        path = f"{root}/{name}"

        def write() -> None:
            if _kinds(fs) & _WITH_FOLDERS:
                fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            if not _kinds(fs) & {"file", "local"}:
                fs.pipe_file(path, data)
                return
            # A bucket shows an object when it is whole; here whoever is killed would leave half of one under its name.
            aside = f"{path.rpartition('/')[0]}/.{uuid.uuid4().hex}"
            fs.pipe_file(aside, data)
            fs.mv(aside, path)

        try:
            self._asked("written", write)
        except FileNotFoundError as error:
            raise self._trouble(f"there is no bucket or folder for it: {error}", BUCKET) from error
        self._count("put", len(data))

    def sizes(self, folder: str) -> dict[str, int]:
        """The objects right in a folder, by their names without it, and their bytes. One request for a thousand."""
        return {_last(f): int(f["size"] or 0) for f in self._list(folder) if f["type"] == "file"}

    def newest(self, folder: str) -> list[str]:
        """The objects right in a folder, the last written first."""
        found = self._list(folder)
        return [_last(f) for f in sorted(found, key=_written, reverse=True) if f["type"] == "file"]

    def folders(self, folder: str) -> list[str]:
        """The names of the folders in a folder."""
        return sorted(_last(f) for f in self._list(folder) if f["type"] == "directory")

    def _list(self, folder: str) -> list[dict[str, Any]]:
        fs, root = self._fs()
        self._count("", 0)
        try:
            return list(self._asked("listed", lambda: fs.ls(f"{root}/{folder}", detail=True)))
        except FileNotFoundError:
            return []

    def remove(self, name: str) -> None:
        """Take an object away, if that is allowed."""
        fs, root = self._fs()
        with contextlib.suppress(FileNotFoundError, Diagnostic):
            self._asked("removed", lambda: fs.rm_file(f"{root}/{name}"))

    def each(self, work: Callable[[str], T], names: Sequence[str]) -> list[T]:
        """`work` for each name, several at a time. Raises what one of them raised."""
        if len(names) < 2:
            return [work(name) for name in names]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = [pool.submit(work, name) for name in names]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    # ------------------------------------------------------------ what can go wrong

    def _fs(self) -> tuple[Any, str]:
        """The file system and the path in it that the URL means."""
        if self._opened is None:
            protocol = self.url.partition(":")[0].lower()
            try:
                from fsspec.core import url_to_fs
            except ImportError as error:
                raise self._lacks("fsspec") from error
            # Listings are asked for when they are needed; and s3fs would ask for the size before each read.
            options: dict[str, Any] = {"use_listings_cache": False}
            if protocol in {"s3", "s3a"}:
                options["max_concurrency"] = 1
            try:
                fs, path = url_to_fs(self.url, **options)
            except ImportError as error:
                raise self._lacks(_PACKAGES.get(protocol, ""), str(error)) from error
            except Exception as error:  # whatever the constructor of a file system thinks of a URL
                raise self._trouble(str(error), "a URL is written s3://bucket/folder") from error
            self._opened = fs, str(path).rstrip("/")
        return self._opened

    def _lacks(self, package: str, said: str = "") -> Diagnostic:
        named = f"the package {package} is not installed" if package else said
        how = "pip install 'clq[remote]'" if package in {"fsspec", "s3fs"} else f"pip install {package}"
        return self._trouble(named, how if package else "install what the message names")

    def _asked(self, what: str, request: Callable[[], T]) -> T:
        """Make a request. FileNotFoundError is for the caller; all else that is raised is told as a Diagnostic.

        Each file system has errors of its own, of its own libraries: so all are caught here, around nothing but the
        call of fsspec.
        """
        try:
            return request()
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise self._trouble(f"it may not be {what}: {error}", PERMISSION) from error
        except Exception as error:
            raise self._trouble(f"it could not be {what}: {error or type(error).__name__}", ANSWER) from error

    def _trouble(self, message: str, hint: str) -> Diagnostic:
        return Diagnostic(
            UNREACHABLE, f"{self.shown}: {message}", hint=hint, exit_code=1 if self.began else 2
        )  # fmt: skip

    def _count(self, what: str, size: int) -> None:
        with self._counting:
            self.moved["requests"] += 1
            if what:
                self.moved[f"{what} files"] += 1
                self.moved[f"{what} bytes"] += size


BUCKET = "make the bucket, or correct the name"
PERMISSION = (
    "whoever you are there needs leave to read, list and write below it (for S3: s3:GetObject, s3:ListBucket, "
    "s3:PutObject)"
)
ANSWER = "check the name, the network and the credentials: clq help store-unreachable"


def _kinds(fs: Any) -> set[str]:
    """The protocols by which a file system goes."""
    given = fs.protocol
    return {given} if isinstance(given, str) else set(given)


def _last(facts: dict[str, Any]) -> str:
    return str(facts["name"]).rstrip("/").rpartition("/")[2]


def _written(facts: dict[str, Any]) -> float:
    """When an object was written, in seconds since 1970; 0 if it is not said. Each file system names it differently."""
    names = ("LastModified", "mtime", "updated", "last_modified", "created")
    found: Any = next((facts[name] for name in names if facts.get(name)), 0)
    return float(found.timestamp() if hasattr(found, "timestamp") else found if isinstance(found, int | float) else 0)
