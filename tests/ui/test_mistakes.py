"""What goes wrong outside the query: files, folders, weights, the store. One message, the right exit code, nothing
lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "clq", *args], capture_output=True, text=True, cwd=cwd, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(folder / f"{i:02d}.png")
    return folder


QUERY = (
    "EXPLAIN layer1 OF labnet ON folder('photos') USING clip_dissect(top_k=4, top=1) WITH lab.words INTO named"
)


def test_unreadable_image_ends_with_1_and_its_repair_is_enough(photos: Path, tmp_path: Path) -> None:
    whole = (photos / "07.png").read_bytes()
    (photos / "07.png").write_bytes(whole[:60])
    done = run("-c", QUERY, "--store", "s", cwd=tmp_path)
    assert done.returncode == 1
    assert "error[unreadable-image]" in done.stderr and "07.png" in done.stderr and "repair" in done.stderr
    (photos / "07.png").write_bytes(whole)
    done = run("-c", QUERY, "--store", "s", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "table named: 24 rows" in done.stderr


def test_a_failing_statement_keeps_what_came_before_it(photos: Path, tmp_path: Path) -> None:
    done = run("-c", f"{QUERY}; SELECT error('nope') FROM named", "--store", "s", cwd=tmp_path)
    assert done.returncode == 2 and "nope" in done.stderr
    done = run("sql", "SELECT count(*) AS n FROM named", "--store", "s", "--format", "csv", cwd=tmp_path)
    assert done.stdout == "n\n24\n"


def test_a_mistake_in_the_last_statement_is_found_before_the_first_pass(photos: Path, tmp_path: Path) -> None:
    done = run("-c", f"{QUERY}; EXPLAIN layr1 OF labnet", "--store", "s", cwd=tmp_path)
    assert done.returncode == 2 and "unknown-layer" in done.stderr
    assert not list((tmp_path / "s" / "objects").iterdir()), "nothing was computed"
    done = run("-c", f"{QUERY}; SELECT nope FROM named", "--store", "s", cwd=tmp_path)
    assert done.returncode == 2 and "SELECT nope FROM named" in done.stderr
    assert not list((tmp_path / "s" / "objects").iterdir()), "nothing was computed"


def test_a_store_that_cannot_be_written(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = run("-c", QUERY, "--store", "file/store", cwd=tmp_path)
    assert done.returncode == 2
    assert "error[store-unwritable]" in done.stderr and "--store" in done.stderr


def test_missing_weights_say_what_was_tried_and_three_ways_on(tmp_path: Path) -> None:
    query = (
        "LET resnet50 = torchvision('resnet50'); "
        "EXPLAIN layer4 OF resnet50 ON lab.probe[0:8] WITH lab.words JUDGED BY labclip"
    )
    done = run("-c", query, "--store", "s", cwd=tmp_path)
    assert done.returncode == 2
    for words in ("error[missing-weights]", "resnet50", "weights='", "weights=random", "labnet"):
        assert words in done.stderr, done.stderr


def test_unreadable_script_and_unknown_command(tmp_path: Path) -> None:
    done = run("run", "nowhere.clq", cwd=tmp_path)
    assert done.returncode == 2 and "there is no file nowhere.clq" in done.stderr
    done = run("frobnicate", cwd=tmp_path)
    assert done.returncode == 2 and "No such command" in done.stderr
    done = run("help", "no-such-code", cwd=tmp_path)
    assert done.returncode == 2


def test_a_checkpoint_that_does_not_fit_its_architecture(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"something.weight": np.zeros((2, 2), np.float32)}, str(tmp_path / "w.safetensors"))
    query = (
        "LET net = checkpoint('w.safetensors', architecture=cifar_resnet20, preprocess=imagenet); "
        "EXPLAIN layer1 OF net ON lab.probe[0:8] WITH lab.words JUDGED BY labclip"
    )
    done = run("-c", query, "--store", "s", cwd=tmp_path)
    assert done.returncode in {1, 2} and "error[" in done.stderr and "something.weight" in done.stderr
