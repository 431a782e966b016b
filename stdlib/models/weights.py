"""Files of weights: where published ones lie, reading them without unpickling anything, fitting them to a network."""

from __future__ import annotations

import json
import os
import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lang.diagnostic import Diagnostic
from ..reading import not_read

if TYPE_CHECKING:
    import torch

SUFFIXES = (".safetensors", ".pth", ".pt", ".th", ".bin", ".ckpt")
PATIENCE = 5.0  # seconds that a server may stay silent before it counts as out of reach
# Layers of torchvision whose names changed after its files were saved: DenseNet's and the MLPs of ViT.
_RENAMED = (
    (re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$"), r"\1\2"),
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
)


def is_path(text: str) -> bool:
    """Whether an argument names a file rather than published weights."""
    return "/" in text or "\\" in text or text.lower().endswith(SUFFIXES)


def hub_folder() -> Path:
    """Where torch keeps downloaded weights."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"


def shown(path: Path) -> str:
    """A path with ~ for the home folder."""
    home = str(Path.home())
    return f"~{str(path)[len(home):]}" if home != "/" and str(path).startswith(f"{home}/") else str(path)


def missing(what: str, tried: str, as_file: str, at_random: str | None) -> Diagnostic:
    """The one error for weights that are not here: what was tried, and the ways on."""
    ways = [f"a file you have: {as_file}", *([f"random weights, on purpose: {at_random}"] if at_random else [])]
    hint = "; ".join([*ways, f"a model of the lab: {'labclip' if 'judge' in what else 'labnet'}"])
    return Diagnostic("missing-weights", f"{what} are not here: {tried}", hint=hint)


def existing(path: str, what: str) -> Path:
    """The file at `path`. Raises Diagnostic 'missing-weights' if there is none."""
    place = Path(path).expanduser()
    if not place.is_file():
        raise Diagnostic(
            "missing-weights", f"{what} are not here: there is no file {path}",
            hint="paths are relative to where clq is started",
        )  # fmt: skip
    return place


def attempt(work: Callable[[], object]) -> str | None:
    """Why a download fails, in a few words; None if it succeeds."""
    from urllib.error import HTTPError, URLError

    try:
        work()
    except HTTPError as error:
        return f"the server answered {error.code}"
    except URLError as error:
        return in_few_words(error.reason)
    except (OSError, ValueError, RuntimeError) as error:
        return in_few_words(error)
    return None


def within_seconds(work: Callable[[], object], seconds: float = 2 * PATIENCE) -> str | None:
    """As `attempt`, and a failure after `seconds`: looking up a name can hang, so it is not waited for."""
    import threading

    outcome: list[str | None] = []
    thread = threading.Thread(target=lambda: outcome.append(attempt(work)), daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else f"no answer within {seconds:g} s"


def in_few_words(error: object) -> str:
    """The words of an error without the address it was about."""
    text = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return re.sub(r"\S*://\S+|host='[^']*'", "the server", text).strip().rstrip(".")[:80]


def reach(url: str) -> str | None:
    """Why a server cannot be reached, or None if it answers within a few seconds."""
    from urllib.request import Request, urlopen

    return within_seconds(lambda: urlopen(Request(url, method="HEAD"), timeout=PATIENCE).close())


def shapes_in(path: Path) -> dict[str, tuple[int, ...]] | None:
    """Name -> shape of the tensors of a safetensors file, read from its header; None for other files."""
    if path.suffix != ".safetensors":
        return None
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 1 << 26)))
        return {k: tuple(v["shape"]) for k, v in header.items() if k != "__metadata__"}
    except (OSError, ValueError, KeyError, struct.error):
        return None


def read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors or torch file, on the CPU. Raises Diagnostic 'file-format'.

    Torch files are read with weights_only=True. What training scripts wrap around is taken off: a dict with the key
    'state_dict' or 'model', and the prefix 'module.' of DataParallel.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: Any = load_file(path) if path.suffix == ".safetensors" else torch.load(
            path, map_location="cpu", weights_only=True
        )  # fmt: skip
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise _unreadable(path, error) from error
    except Exception as error:  # torch's UnpicklingError comes from pickle, which nothing here imports
        if type(error).__name__ != "UnpicklingError":
            raise
        raise _unreadable(path, error) from error
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise Diagnostic("file-format", f"{path} holds no weights by name", hint="save module.state_dict()")
    if all(k.startswith("module.") for k in state):
        state = {k.removeprefix("module."): v for k, v in state.items()}
    return {_renamed(k): v for k, v in state.items()}


def _renamed(key: str) -> str:
    for old, new in _RENAMED:
        key = old.sub(new, key)
    return key


def _unreadable(path: Path, error: Exception) -> Diagnostic:
    if isinstance(error, OSError) and error.errno is not None:
        return not_read(path, error, "")
    first = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
    return Diagnostic(
        "file-format", f"{path} cannot be read safely as weights: {first}",
        hint="a state_dict as .safetensors, or as .pth that holds nothing but tensors",
    )  # fmt: skip


def fit(module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path, what: str) -> torch.nn.Module:
    """Load weights of exactly the names and shapes that a network has. Raises Diagnostic 'file-format' otherwise.

    Counters of batch normalisation may be missing; heads that only training uses may be there.
    """
    own = module.state_dict()
    state = {k: v for k, v in state.items() if k in own or not k.startswith(("aux1.", "aux2.", "AuxLogits."))}
    counters = ".num_batches_tracked"
    lacking = [k for k in own if k not in state and not k.endswith(counters)]
    extra = [k for k in state if k not in own and not k.endswith(counters)]
    other = [
        f"{k} {list(v.shape)} not {list(own[k].shape)}"
        for k, v in state.items()
        if k in own and v.shape != own[k].shape
    ]
    found = [(lacking, "missing"), (extra, "unexpected"), (other, "of another shape")]
    if any(keys for keys, _ in found):
        parts = [f"{len(keys)} {how} ({_some(keys)})" for keys, how in found if keys]
        raise Diagnostic(
            "file-format", f"the weights in {path} do not fit {what}: {', '.join(parts)}",
            hint="choose the architecture that the weights were trained with",
        )  # fmt: skip
    held = OrderedDict((k, v.float() if v.is_floating_point() else v) for k, v in state.items())
    # MNASNet refuses weights that do not say in which version of its layout they are.
    held._metadata = {"": {"version": getattr(module, "_version", 1)}}  # type: ignore[attr-defined]
    module.load_state_dict(held, strict=False)
    return module


def _some(keys: list[str], most: int = 3) -> str:
    return ", ".join(keys[:most]) + (", …" if len(keys) > most else "")
