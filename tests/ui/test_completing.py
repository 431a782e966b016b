"""What is offered inside the quotes of an argument: names of models, and paths of files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clq.lang.assist import path_slot
from clq.stdlib.catalog import Catalog
from clq.ui.completing import offers


def labels(marked: str) -> list[str]:
    return [one.label for one in offers(marked.replace("|", ""), marked.index("|"), Catalog())]


@pytest.mark.parametrize(
    ("marked", "offered"),
    [
        ("LET m = torchvision('resnet1|", ["resnet101", "resnet152", "resnet18"]),
        ("LET m = torchvision('resnet5|0', weights=random)", ["resnet50"]),
        ("EXPLAIN fc OF torchvision(name='alex|')", ["alexnet"]),
        ("LET m = checkpoint('a.pth', architecture='cifar_resnet2|')", ["cifar_resnet20"]),
        ("LET j = open_clip('ViT-B-32-q|')", ["ViT-B-32-quickgelu"]),
        ("LET m = torchvision('resnet50', preprocess='im|')", ["imagenet"]),
        ("LET w = words('a.txt', key='k|')", []),
    ],
)
def test_names_of_models(marked: str, offered: list[str]) -> None:
    assert sorted(labels(marked)) == offered


@pytest.mark.parametrize(
    ("marked", "keyword", "written"),
    [
        ("LET p = folder('pho|')", "folder", "pho"),
        ("EXPLAIN fc ON folder(path='pho|", "folder", "pho"),
        ("EXPLAIN fc OF labnet WITH words('w/|a.txt', key='k')", "words", "w/"),
        ("LET m = torchvision('resnet18', weights='w|')", "torchvision", "w"),
        ("LET m = checkpoint('w|', architecture='resnet18')", "checkpoint", "w"),
        ("LET j = open_clip('ViT-B-32', pretrained='w|')", "open_clip", "w"),
        ("LET j = open_clip('ViT|')", None, ""),
        ("LET m = torchvision('resnet|')", None, ""),
        ("EXPLAIN fc USING clip_dissect(similarity='r|')", None, ""),
        ("LET w = words('a.txt', key='k|')", None, ""),
    ],
)
def test_arguments_that_are_paths(marked: str, keyword: str | None, written: str) -> None:
    found = path_slot(marked.replace("|", ""), marked.index("|"), Catalog())
    assert (found and found.keyword, found.written if found else "") == (keyword, written)


def test_paths_are_those_that_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("pears.txt", "pixels.npz"):
        (tmp_path / name).touch()
    assert labels("LET p = folder('p|')") == ["photos/"]
    assert labels("LET p = arrays('p|')") == ["photos/", "pixels.npz"]
    assert labels("LET p = words('p|')") == ["photos/", "pears.txt", "pixels.npz"]


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys\nfrom clq.stdlib.catalog import Catalog\nfrom clq.ui.completing import offers\n"
        "for text in ('LET m = torchvision(\\'r', 'LET j = open_clip(\\'V', 'LET p = folder(\\''):\n"
        "    offers(text, len(text), Catalog())\n"
        "assert not {'torch', 'torchvision', 'open_clip', 'duckdb'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
