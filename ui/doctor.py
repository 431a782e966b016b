"""`clq doctor`: what is here and what is not, without loading a model."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..engine.remote import Remote, is_url
from ..lang.diagnostic import Diagnostic
from .connection import store_folder, store_place

PACKAGES = ("torch", "torchvision", "open_clip_torch", "duckdb", "pyarrow", "lark", "networkx", "nltk", "joblib")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def examine(store: str | None) -> Iterator[tuple[str, str]]:
    """(what, what was found) for versions, device, store and weights."""
    yield "clq", _version("clq")
    yield "python", platform.python_version()
    for package in PACKAGES:
        yield package, _version(package)
    yield "device", _device()
    yield "store", _store(store_folder(store))
    place = str(store_place(store))
    if is_url(place):
        yield "shared store", _remote(place)
    from ..stdlib.lab.declarations import CHECKPOINTS

    held = sorted(p for p in CHECKPOINTS.rglob("*.safetensors"))
    size = sum(p.stat().st_size for p in held)
    yield "lab weights", f"{len(held)} files, {size / 1e6:.1f} MB"
    hub = Path(os.environ.get("TORCH_HOME", Path.home() / ".cache" / "torch")) / "hub" / "checkpoints"
    files = sorted(p.name for p in hub.glob("*.pth")) if hub.is_dir() else []
    yield "torchvision", f"{', '.join(files) or 'no weights'} in {hub}"


def _remote(url: str) -> str:
    """Whether it answers; nothing is written."""
    remote = Remote(url, read_only=True)
    try:
        return f"{remote.shown} {'answers' if remote.name else 'answers, and is empty'}"
    except Diagnostic as problem:
        return f"{problem.message} ({problem.hint})"


def _device() -> str:
    try:
        import torch
    except ImportError as error:
        return f"torch cannot be imported: {error}"
    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name(0)}"
    return f"cpu, {torch.get_num_threads()} threads (no CUDA device)"


def _store(root: Path) -> str:
    if not root.exists():
        return f"{root} (not there yet)"
    files = [p for p in root.glob("objects/*/*/*") if p.is_file()]
    writable = "" if os.access(root, os.W_OK) else ", not writable"
    artifacts = sum(p.name == "artifact.json" for p in files)
    return f"{root}: {artifacts} artifacts, {sum(p.stat().st_size for p in files) / 1e6:.1f} MB{writable}"
