"""Retraining, in miniature: files that load, the same run for the same seed, requirements that can fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from clq.stdlib.lab import train, train_nets
from clq.stdlib.lab.evaluate import Figure, Judge, as_table
from clq.stdlib.lab.nets import build
from clq.stdlib.lab.train_clip import contrastive_loss, encode_text, fact_matrix, train_clip
from clq.stdlib.lab.train_tokenizer import lab_words, unrelated_words
from clq.stdlib.lab.words import ABSENT
from clq.stdlib.lab.world import FACT_OF


def test_a_seed_repeats_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_nets, "LABTRUTH_POOL", 128)
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_nets.train_labtruth(tmp_path / folder, seed, progress=False, steps=1)
    states = {x: build("labtruth", tmp_path / x / "labtruth.safetensors").state_dict() for x in "abc"}
    assert all(torch.equal(states["a"][key], states["b"][key]) for key in states["a"])
    assert not torch.equal(states["a"]["conv1.weight"], states["c"]["conv1.weight"])


def test_a_trained_judge_is_an_open_clip_folder(tmp_path: Path) -> None:
    train_clip(tmp_path, progress=False, steps=1, pool=128)
    judge = Judge(tmp_path / "labclip")
    assert judge.texts(["dog", "a photo of a dog"]).shape == (2, 128)
    assert sorted(path.name for path in (tmp_path / "labclip").iterdir()) == [
        "bpe.txt.gz", "open_clip_config.json", "open_clip_model.safetensors",
    ]  # fmt: skip
    # Training leaves the padding out; that must not change the embedding.
    tokens = judge.tokenizer(["a red dog on the grass", "boat"], context_length=24)
    with torch.no_grad():
        short, whole = encode_text(judge.model, tokens), judge.model.encode_text(tokens)
    assert torch.allclose(short, whole, atol=1e-5)


def test_the_loss_is_least_when_true_captions_are_nearest() -> None:
    """Two images, three captions: the first true of image 0, the second of both, the third a stranger."""
    truth = fact_matrix([["dog", "red"], ["cat", "red"]])
    said = fact_matrix([["dog"], ["red"]])
    consistent = (said @ (1 - truth).T == 0).float()
    assert consistent.tolist() == [[1, 0], [1, 1]]
    images = torch.eye(4)[:2]
    good = torch.stack([images[0], images.mean(0), torch.eye(4)[2]])
    scale = torch.tensor(10.0)
    losses = [contrastive_loss(images, texts, consistent, scale) for texts in (good, good.roll(1, 0))]
    assert losses[0] < losses[1]


def test_unrelated_words_mean_nothing_here() -> None:
    strangers = unrelated_words()
    assert len(strangers) > 20_000 and not set(strangers) & {*FACT_OF, "clouds", "cloud", "dogs", "berry"}
    assert set(ABSENT) <= set(lab_words())


def test_the_report_names_what_was_not_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reached = [Figure("good", 0.99, 0.98), Figure("bad", 0.5, 0.98), Figure("shy", 0.9, 0.85, at_most=True)]
    done: list[tuple[Path, int]] = []
    trainings: dict[str, Callable[[Path, int, bool], None]] = {"labnet": lambda f, s, _: done.append((f, s))}
    monkeypatch.setattr(train, "TRAININGS", trainings)
    monkeypatch.setattr(train, "figures_of", lambda folder, name: reached)
    assert train.main([str(tmp_path), "--seed", "7", "--quiet", "--only", "labnet"]) == 1
    assert done == [(tmp_path, 7)]
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith("NOT MET") for line in lines] == [False, True, True]
    assert as_table(reached).splitlines() == lines
    with pytest.raises(ValueError, match="labnets"):
        train.train_all(tmp_path, only=["labnets"])
