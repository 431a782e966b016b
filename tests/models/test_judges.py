"""Judges from outside the lab: open_clip's models, and vectors that were computed before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clq.engine.fingerprint import Fingerprints
from clq.lang.diagnostic import Diagnostic
from clq.ops.embeddings import GivenVectors
from clq.stdlib.datasets.arrays import make_arrays
from clq.stdlib.judges import opening
from clq.stdlib.judges.embeddings import make_embeddings
from clq.stdlib.judges.open_clip import make_open_clip
from clq.stdlib.models import weights
from clq.stdlib.texts.words import from_list
from clq.stdlib.things import Judge


def clip(name: str, pretrained: str | None = "random", seed: int = 0, prompt: str = "{}") -> Judge:
    return make_open_clip("j", name=name, pretrained=pretrained, seed=seed, prompt=prompt)


@pytest.mark.parametrize("name, force", [("RN50", {}), ("RN50", {"resize_mode": "squash", "interpolation": "bilinear"}),
                                         ("RN50", {"resize_mode": "longest"})])  # fmt: skip
def test_preprocessing_equals_open_clips(name: str, force: dict[str, str], photos: list[np.ndarray]) -> None:
    from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

    config = merge_preprocess_dict(PreprocessCfg(size=64), force)
    theirs = image_transform_v2(PreprocessCfg(**config), is_train=False)
    ours = opening.preprocess_of(config, 64)
    for photo in photos:
        torch.testing.assert_close(ours([photo])[0], theirs(Image.fromarray(photo)), rtol=0, atol=1e-6)


def test_a_judge_gives_the_vectors_of_its_open_clip_model(photos: list[np.ndarray]) -> None:
    import open_clip

    judge = clip("RN50", seed=5).spec.open("cpu")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model, _, transform = open_clip.create_model_and_transforms("RN50", load_weights=False)
    model.eval()
    with torch.inference_mode():
        expected = model.encode_image(transform(Image.fromarray(photos[0]))[None])
        found = judge.encode_images(judge.prepare(photos[:1]))
        words = judge.encode_texts(["a dog", "a cat"])
        torch.testing.assert_close(words, model.encode_text(open_clip.get_tokenizer("RN50")(["a dog", "a cat"])))
    torch.testing.assert_close(found, expected)
    assert judge.scale == pytest.approx(float(model.logit_scale.exp().detach()))


def test_missing_weights_of_a_judge_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "reach", lambda url: "no route to host")
    monkeypatch.setattr(opening, "_in_cache", lambda config: None)
    for name, tag in (("ViT-B-32", "openai"), ("hf-hub:owner/name", None)):
        with pytest.raises(Diagnostic) as caught:
            clip(name, tag).source(Fingerprints())
        problem = caught.value
        assert (problem.code, problem.exit_code) == ("missing-weights", 2)
        assert "no route to host" in problem.message and "labclip" in (problem.hint or "")
        assert "://" not in problem.render()


def test_packages_that_a_judge_needs_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(Diagnostic) as caught:
        clip("ViT-B-32-SigLIP2-256").spec.tokenizer()
    assert caught.value.code == "missing-weights" and "pip install transformers" in (caught.value.hint or "")


def test_where_a_download_lies_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights.bin"
    file.write_bytes(b"content")
    monkeypatch.setattr(opening, "_in_cache", lambda config: file)
    known = Fingerprints()
    first = clip("RN50", "openai").source(known).key
    monkeypatch.setattr(opening, "resolve", lambda name, tag: pytest.fail("asked again"))
    assert clip("RN50", "openai").source(known).key == first
    assert clip("RN50", str(file)).source(known).key != first  # a tag decides the activation function too


@pytest.mark.parametrize("name, pretrained, prompt, code", [
    ("ViT-B-3", "openai", "{}", "unknown-name"), ("RN50", None, "{}", "missing-argument"),
    ("RN50", "nowhere/w.pt", "{}", "missing-weights"), ("RN50", "random", "a photo", "bad-argument"),
    ("./nowhere", None, "{}", "missing-weights"),
])  # fmt: skip
def test_mistakes_in_a_judge(name: str, pretrained: str | None, prompt: str, code: str) -> None:
    with pytest.raises(Diagnostic) as caught:
        clip(name, pretrained, prompt=prompt)
    assert caught.value.code == code


@pytest.fixture
def given(tmp_path: Path) -> Judge:
    """Vectors of 3 images and 4 names in 2 dimensions."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", rng.normal(size=(3, 2)).astype(np.float16))
    names = ["aerosol_can", "Band_Aid", "pan_(for_cooking)", "cat"]
    np.savez(tmp_path / "texts.npz", v=np.arange(8, dtype=np.float16).reshape(4, 2), names=names)
    np.savez(tmp_path / "set.npz", images=np.zeros((3, 4, 4, 3), np.uint8), more=np.zeros((5, 4, 4, 3), np.uint8))
    return make_embeddings(
        "j", images=str(tmp_path / "images.npy"), texts=str(tmp_path / "texts.npz"), names="names", images_key=None,
        texts_key="v",
    )  # fmt: skip


def test_words_meet_the_names_of_vectors(given: Judge) -> None:
    found = given.spec.named(["aerosol can", "cat", "band aid", "pan (for cooking)", "pan_(for_cooking)"])
    assert found[:, 0].tolist() == [0, 6, 2, 4, 4] and found.dtype == np.float32


def test_words_without_a_vector_are_counted_before_anything_runs(given: Judge) -> None:
    words = from_list("vocabulary")(["cat", "zebra", "aerosol cam"])
    with pytest.raises(Diagnostic) as caught:
        given.spec.text_vectors(given.source(Fingerprints()), words.source(Fingerprints()))
    assert caught.value.code == "unknown-name" and "2 of 3 words" in caught.value.message


def test_vectors_of_images_must_be_as_many_as_the_images(given: Judge, tmp_path: Path) -> None:
    known = Fingerprints()
    path = str(tmp_path / "set.npz")
    right, wrong = (make_arrays(k, path, k, None, None).source(known) for k in ("images", "more"))
    assert isinstance(given.spec.image_vectors(given.source(known), right), GivenVectors)
    with pytest.raises(Diagnostic) as caught:
        given.spec.image_vectors(given.source(known), wrong)
    assert "3 images" in caught.value.message and "5" in caught.value.message


def test_real_vectors_call_nine_of_ten_cifar_images_by_their_class(real: Path) -> None:
    judge = make_embeddings(
        "j", images=str(real / "cifar10_500.npz"), texts=str(real / "text_vectors_clip_vitb32.npz"), names="lvis_names",
        images_key="clip_vitb32", texts_key="lvis",
    ).spec  # fmt: skip
    names = ["airplane", "car (automobile)", "bird", "cat", "deer", "dog", "frog", "horse", "boat", "truck"]
    with np.load(real / "cifar10_500.npz") as data:
        labels = data["labels"]
    texts = judge.named(names)
    best = (judge.images() @ (texts / np.linalg.norm(texts, axis=1, keepdims=True)).T).argmax(1)
    assert (best == labels).mean() == pytest.approx(0.902, abs=0.003)
