"""labclip, and the naming of planted units by a reference of soft WPMI."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clq.stdlib.lab.data import LabImages, scenes_of
from clq.stdlib.lab.declarations import JUDGES, MODELS, JudgeDeclaration
from clq.stdlib.lab.evaluate import PROMPTS, ZERO_SHOT, Judge, held_out, pixels_of, zero_shot
from clq.stdlib.lab.truth import units_of_kind
from clq.stdlib.lab.words import ABSENT, words
from clq.stdlib.lab.world import FACT_OF, HYPERNYMS, OBJECTS, Scene

Floats = NDArray[np.float64]
Unseen = tuple[list[Scene], dict[str, NDArray[np.float32]]]


@pytest.fixture(scope="module")
def judges() -> dict[str, Judge]:
    return {name: Judge(judge.folder) for name, judge in JUDGES.items()}


@pytest.fixture(scope="module")
def similarities(judges: dict[str, Judge], probe: NDArray[np.float32]) -> dict[str, Floats]:
    """Judge -> cosine [2000 images, words]."""
    return {name: (j.images(probe) @ j.texts(words()).T).astype(np.float64) for name, j in judges.items()}


def soft_wpmi(similarity: Floats, activations: NDArray[np.float32], a: float = 20.0, top: int = 100) -> Floats:
    """CLIP-Dissect (Oikarinen and Weng 2023), eq. 4-6 with lambda 1: cosine [images, words] and activations
    [images, units] -> scores [units, words]."""
    scaled = a * similarity
    softmax = np.exp(scaled - scaled.max(1, keepdims=True))
    softmax /= softmax.sum(1, keepdims=True)
    membership = np.linspace(0.998, 0.97, top)[:, None]
    best = np.argsort(-activations, axis=0, kind="stable")[:top].T
    logs = np.stack([np.log(1 + membership * (softmax[i] - 1)).sum(0) for i in best])
    scores: Floats = logs - (np.log(np.exp(logs - logs.max(0)).mean(0)) + logs.max(0))
    return scores


@pytest.fixture(scope="module")
def activations(units: dict[str, dict[str, NDArray[np.float32]]]) -> dict[str, NDArray[np.float32]]:
    """Kind -> activations [2000, units] of labtruth."""
    return units["labtruth"]


def share_right(similarity: Floats, activations: NDArray[np.float32], kind: str) -> float:
    best = soft_wpmi(similarity, activations).argmax(1)
    vocabulary, units = words(), units_of_kind("labtruth", kind)
    return float(np.mean([vocabulary[i] in unit.accepted for i, unit in zip(best, units, strict=True)]))


@pytest.fixture(scope="module")
def unseen(judges: dict[str, Judge]) -> Unseen:
    """1,000 held-out scenes and what each judge makes of their renders."""
    scenes = held_out(1_000)
    x = pixels_of(scenes)
    return scenes, {name: judge.images(x) for name, judge in judges.items()}


@pytest.mark.parametrize("prompt", PROMPTS)
def test_labclip_meets_its_requirements(judges: dict[str, Judge], unseen: Unseen, prompt: str) -> None:
    scenes, embedded = unseen
    shares = zero_shot(judges["labclip"], embedded["labclip"], scenes, prompt)
    assert all(shares[category] >= required for category, required in ZERO_SHOT.items()), shares


def test_the_early_control_is_clearly_worse(judges: dict[str, Judge], unseen: Unseen) -> None:
    scenes, embedded = unseen
    late, early = (zero_shot(judges[name], embedded[name], scenes, "{}") for name in ("labclip", "labclip_early"))
    assert early["object"] < late["object"] - 0.4 and early["group"] < late["group"] - 0.1


def test_public_preprocessing_is_the_declared_one() -> None:
    import open_clip
    from PIL import Image

    image = LabImages("probe").image(3)
    _, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{JUDGES['labclip'].folder}")
    expected = pixels_of(scenes_of("probe")[3:4])[0]
    assert np.allclose(preprocess(Image.fromarray(image)).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("name", list(JUDGES))
def test_declarations_are_true_of_the_judge(judges: dict[str, Judge], name: str) -> None:
    declared: JudgeDeclaration = JUDGES[name]
    model: Any = judges[name].model
    assert model.visual.image_size in (declared.size, (declared.size, declared.size))
    assert judges[name].texts(["dog"]).shape == (1, declared.dimensions)
    assert abs(float(model.logit_scale.detach().exp()) - declared.scale) < 0.05
    assert judges[name].tokenizer(["dog"], context_length=declared.context).shape == (1, declared.context)
    assert declared.size == MODELS["labnet"].size and declared.mean == MODELS["labnet"].mean


def test_the_floor_parts_believable_words_from_absent_ones(
    similarities: dict[str, Floats], activations: dict[str, NDArray[np.float32]]
) -> None:
    floor, vocabulary = JUDGES["labclip"].floor, words()
    for kind in ("single", "hypernym"):
        for i, unit in enumerate(units_of_kind("labtruth", kind)):
            mean = similarities["labclip"][np.argsort(-activations[kind][:, i], kind="stable")[:100]].mean(0)
            absent = [mean[vocabulary.index(word)] for word in ABSENT]
            named = max(mean[vocabulary.index(word)] for word in unit.accepted)
            assert named > floor and np.mean(np.array(absent) < floor) > 0.97, unit.concepts


def test_soft_wpmi_names_the_single_units(
    similarities: dict[str, Floats], activations: dict[str, NDArray[np.float32]]
) -> None:
    assert share_right(similarities["labclip"], activations["single"], "single") >= 0.95


def test_controls_name_far_fewer(similarities: dict[str, Floats], activations: dict[str, NDArray[np.float32]]) -> None:
    late = share_right(similarities["labclip"], activations["single"], "single")
    early = share_right(similarities["labclip_early"], activations["single"], "single")
    shuffled = np.random.default_rng(0).permuted(activations["single"], axis=0)
    assert early < late - 0.05
    assert share_right(similarities["labclip"], shuffled, "single") < 0.2


def test_true_words_are_nearer_than_absent_ones(similarities: dict[str, Floats]) -> None:
    vocabulary = words()
    columns = {word: i for i, word in enumerate(vocabulary)}
    absent = similarities["labclip"][:, [columns[word] for word in ABSENT]]
    true = [
        similarities["labclip"][row, columns[word]]
        for row, scene in enumerate(scenes_of("probe"))
        for word, fact in FACT_OF.items()
        if fact in scene.facts() and (fact in OBJECTS or fact in HYPERNYMS)
    ]
    assert np.mean(true) > np.mean(absent) + 0.2
