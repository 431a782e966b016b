"""Data sets as objects and as tables."""

from __future__ import annotations

import subprocess
import sys
import time

import pyarrow as pa
import pytest

from clq.stdlib.lab.data import COUNTS, LabImages, draw_scenes, scenes_of
from clq.stdlib.lab.world import OBJECTS, sample_scene


@pytest.mark.parametrize(("name", "count"), [("probe", 2_000), ("audit", 4_000), ("train", 12_000), ("shifted", 2_000)])
def test_tables(name: str, count: int) -> None:
    images = LabImages(name)
    table = images.table()
    assert len(images) == table.num_rows == count
    assert table.schema.field("image").type == pa.string() and table.schema.field("label").type == pa.int32()
    assert table.column_names == [
        "image", "label", "object", "group", "colour", "pattern", "scene", "extra", "scale",
        "x0", "y0", "x1", "y1", "caption", "facts",
    ]  # fmt: skip
    row = table.slice(17, 1).to_pylist()[0]
    assert row["image"] == f"{name}/00017" == images.image_name(17)
    assert (row["x0"], row["y0"], row["x1"], row["y1"]) == images.box(17)
    assert images.classes[row["label"]] == row["object"] == images.classes[images.label(17)]
    assert set(row["facts"]) == images.scenes[17].facts()
    assert len(set(table["image"].to_pylist())) == count
    assert all(0 <= a < b <= 64 for a, b in zip(table["x0"].to_pylist(), table["x1"].to_pylist(), strict=True))


def test_every_class_occurs_in_every_set() -> None:
    for name in COUNTS:
        assert {scene.object for scene in scenes_of(name)} == set(OBJECTS)


def test_audit_mixes_three_to_one() -> None:
    free_boats = [s.scene != "water" for s in scenes_of("audit") if s.object == "boat"]
    assert 0.1 < sum(free_boats) / len(free_boats) < 0.45
    first, second = scenes_of("audit")[:2_000], scenes_of("audit")[2_000:]
    shares = [sum(s.scene in ("water", "sand") for s in half) / 2_000 for half in (first, second)]
    assert abs(shares[0] - shares[1]) < 0.05  # shuffled


def test_sets_are_disjoint() -> None:
    seeds = [scene.seed for name in COUNTS for scene in scenes_of(name)]
    assert len(seeds) == len(set(seeds))


def test_fingerprints_tell_the_sets_apart() -> None:
    fingerprints = {LabImages(name).fingerprint for name in COUNTS}
    assert len(fingerprints) == len(COUNTS)
    assert all("renderer-" in f and "sampler-" in f for f in fingerprints)


def test_an_unknown_set_is_an_error_that_names_the_known() -> None:
    with pytest.raises(ValueError, match="probe, audit, train, shifted"):
        LabImages("prob")


def test_drawing_scenes_is_fast() -> None:
    start = time.process_time()
    draw_scenes(sample_scene, 2_000, "speed")
    assert time.process_time() - start < 0.3


def test_no_torch_for_tables_truth_and_pixels() -> None:
    code = (
        "import sys; from clq.stdlib.lab import data, declarations, truth, words, captions, evaluate;"
        "data.LabImages('probe').table(); data.captions(); truth.truth_table(); words.words();"
        "data.LabImages('probe').image(0);"
        "assert not {'torch', 'open_clip', 'torchvision', 'duckdb'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_declarations_load_without_numpy() -> None:
    code = "import sys; import clq.stdlib.lab.declarations; assert not {'numpy', 'torch', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
