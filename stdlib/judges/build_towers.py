"""Writes towers.json.gz, what is known of open_clip's image encoders without importing it. Run by hand:

    python -m clq.stdlib.judges.build_towers
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..lab.declarations import JUDGES
from ..models.tracing import layers_of
from .opening import CONFIG
from .tower import ROOT, TABLE, shape_of

if TYPE_CHECKING:
    import torch


def configurations() -> Iterator[Mapping[str, Any]]:
    """Those that open_clip comes with, and those of the lab's judges."""
    import open_clip

    for path in sorted((Path(open_clip.__file__).parent / "model_configs").glob("*.json")):
        yield json.loads(path.read_text())
    for judge in JUDGES.values():
        yield json.loads((judge.folder / CONFIG).read_text())["model_cfg"]


def shapes_only(config: Mapping[str, Any], size: int) -> torch.nn.Module:
    """The image encoder of a configuration without numbers, in evaluation mode, for images of a size."""
    import torch
    from open_clip.model import _build_vision_tower

    from ...ops.kernels.architectures import Under

    with torch.device("meta"):
        tower = _build_vision_tower(
            config["embed_dim"], {**config["vision_cfg"], "image_size": size}, config.get("quick_gelu", False)
        )
        trunk = getattr(tower, "trunk", None)
        if trunk is not None and hasattr(trunk, "set_input_size"):  # timm's come with the size of their name
            trunk.set_input_size(img_size=(size, size))
    return Under(ROOT, tower).eval()


def describe(config: Mapping[str, Any]) -> dict[str, Any]:
    size = int(config["vision_cfg"].get("image_size", 224))
    found = layers_of(lambda size: shapes_only(config, size), (size, 2 * size))
    return {"layers": found.units, "channels_last": list(found.channels_last)}


def main() -> None:
    towers: list[dict[str, Any]] = []
    known: dict[str, int] = {}
    for config in configurations():
        if shape_of(config) not in known:
            tower = describe(config)
            if tower not in towers:
                towers.append(tower)
            known[shape_of(config)] = towers.index(tower)
    table = {
        "open_clip": version("open_clip_torch"), "timm": version("timm"), "towers": towers, "configurations": known,
    }  # fmt: skip
    TABLE.write_bytes(gzip.compress(json.dumps(table, separators=(",", ":")).encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
