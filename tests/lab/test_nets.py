"""The networks: declared layers, planted units, the shortcut of labnet, labself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from clq.stdlib.lab.data import scenes_of
from clq.stdlib.lab.declarations import CHECKPOINTS, JUDGES, MODELS
from clq.stdlib.lab.evaluate import Figure, Judge, labnet_figures, labtruth_figures, transfer_figures
from clq.stdlib.lab.nets import LIMIT, Evidence, LabTruth, PlantedUnits, build, new
from clq.stdlib.lab.truth import COUNTS, EVIDENCE, HEADS, KINDS, VARIANTS, Unit, units_of_kind
from clq.stdlib.lab.world import FACTS, OBJECTS

Pixels = NDArray[np.float32]


def by_name(figures: list[Figure]) -> dict[str, float]:
    return {figure.what: figure.value for figure in figures}


@pytest.mark.parametrize("name", list(MODELS))
def test_declared_layers_are_those_of_the_model(name: str, probe: Pixels) -> None:
    network, seen = build(name), dict[str, int]()
    assert not network.training

    def remember(path: str) -> Any:
        return lambda _, __, output: seen.__setitem__(path, output.shape[1])

    for path in MODELS[name].layers:
        network.get_submodule(path).register_forward_hook(remember(path))
    with torch.no_grad():
        network(torch.from_numpy(probe[:2]))
    assert list(seen) == list(MODELS[name].layers) and seen == MODELS[name].layers


def test_the_weights_are_small() -> None:
    sizes = {path: path.stat().st_size for path in CHECKPOINTS.rglob("*") if path.is_file()}
    assert {path.name.split(".", 1)[1] for path in sizes} <= {"safetensors", "json", "txt.gz"}
    assert max(sizes.values()) <= 12e6 and sum(sizes.values()) <= 25e6
    assert all(model.weights in sizes for model in MODELS.values())


def test_evidence_is_the_levelled_log_odds() -> None:
    logits = torch.randn(5, sum(len(values) for _, values in HEADS), generator=torch.Generator().manual_seed(0))
    evidence = dict(zip(EVIDENCE, Evidence()(logits).T, strict=True))
    objects = logits[:, : len(OBJECTS)].double().softmax(1)
    p = objects[:, [OBJECTS.index("snake"), OBJECTS.index("turtle")]].sum(1)
    expected = LIMIT * torch.tanh((p / (1 - p)).log() / LIMIT)
    assert torch.allclose(evidence["reptile"].double(), expected, atol=1e-5)
    extra = logits[:, -len(HEADS[-1][1]) :].double().softmax(1)[:, HEADS[-1][1].index("text")]
    assert torch.allclose(evidence["text"].double(), LIMIT * torch.tanh((extra / (1 - extra)).log() / LIMIT), atol=1e-5)
    assert set(EVIDENCE) == set(FACTS) - {"small", "large"}


def test_planted_units_compute_their_formulas() -> None:
    evidence = torch.linspace(-5, 5, 4 * len(EVIDENCE)).reshape(4, -1).roll(1, 0)
    noise = torch.tensor([[0.5], [-1.0], [0.0], [2.0]])
    a, b = evidence[:, EVIDENCE.index("boat")], evidence[:, EVIDENCE.index("red")]
    combined = {"conjunction": torch.minimum(a, b), "polysemantic": torch.maximum(a, b), "shortcut": a + 0.5 * b}
    for kind, value in combined.items():
        for form in ("identity", "relu", "softplus", "sigmoid", "squared_relu"):
            unit = Unit(kind, ("boat", "red"), 0.3, 0.1, 0.2, form, 0.5 if kind == "shortcut" else None)
            x = 0.3 * (value + 0.2 * noise[:, 0]) + 0.1
            expected = {"identity": x, "relu": x.clamp(min=0), "softplus": (1 + x.exp()).log(),
                        "sigmoid": 1 / (1 + (-x).exp()), "squared_relu": x.clamp(min=0) ** 2}[form]  # fmt: skip
            assert torch.allclose(PlantedUnits(kind, (unit,))(evidence, noise)[:, 0], expected, atol=1e-6), (kind, form)


def test_noise_depends_on_the_image_alone(probe: Pixels) -> None:
    noise = build("labtruth").get_submodule("pixel_noise")
    x = torch.from_numpy(probe[:400])
    whole = noise(x)
    assert torch.equal(noise(x[37:41].flip(0)), whole[37:41].flip(0))
    one_pixel = x.clone()
    one_pixel[0, 0, 5, 5] += 2 / 255 / 0.27
    assert (noise(one_pixel)[0] != whole[0]).float().mean() > 0.99
    assert abs(whole.mean()) < 0.02 and abs(whole.std() - 1) < 0.02
    with pytest.raises(ValueError, match="64"):
        noise(x[:, :, :32])


def test_noise_units_correlate_with_no_fact(units: dict[str, dict[str, Pixels]]) -> None:
    facts = np.array([[fact in scene.facts() for fact in FACTS] for scene in scenes_of("probe")], float)
    facts = (facts - facts.mean(0)) / facts.std(0)
    for variant in VARIANTS:
        noise = units[variant]["noise"].astype(float)
        noise = (noise - noise.mean(0)) / noise.std(0)
        correlation = noise.T @ facts / len(facts) * math.sqrt(len(facts))  # standard normal if independent
        assert np.abs(correlation).max() < 4.5 and abs(correlation.std() - 1) < 0.1


def test_shortcut_units_weigh_their_cue(units: dict[str, dict[str, Pixels]]) -> None:
    """Among images without the object, the cue raises a unit the more the stronger it was planted."""
    facts = [scene.facts() for scene in scenes_of("probe")]
    effects: dict[float, list[float]] = {}
    for i, unit in enumerate(units_of_kind("labtruth", "shortcut")):
        if unit.form == "identity":
            cue = unit.concepts[-1] if unit.cue else "water"
            without = np.array([unit.concepts[0] not in f for f in facts])
            cued = np.array([cue in f for f in facts])
            activation = units["labtruth"]["shortcut"][:, i] / unit.gain
            effect = activation[without & cued].mean() - activation[without & ~cued].mean()
            effects.setdefault(unit.strength or 0.0, []).append(float(effect))
    assert len(effects) >= 4
    for strength, values in effects.items():
        assert all(abs(v - 2 * 5.2 * strength) < 0.5 + 2 * strength for v in values), (strength, values)


def test_labtruth_can_be_explained_by_gradients(probe: Pixels) -> None:
    """Every kind of unit has a gradient at layer4 (that of noise is zero), as class activation maps need."""
    network = build("labtruth")
    assert isinstance(network, LabTruth)
    kept: list[Tensor] = []
    network.layer4.register_forward_hook(lambda _, __, output: kept.append(output))
    out = network(torch.from_numpy(probe[:4]))
    starts = np.cumsum([0, *(COUNTS[kind] for kind in KINDS)])
    for kind, start, stop in zip(KINDS, starts[:-1], starts[1:], strict=True):
        (gradient,) = torch.autograd.grad(out[:, start:stop].sum(), kept[0], retain_graph=True)
        assert gradient.isfinite().all() and bool(gradient.abs().sum() > 0) == (kind != "noise"), kind


@pytest.mark.parametrize("variant", VARIANTS)
def test_planted_units_follow_their_formulas(variant: str) -> None:
    figures = labtruth_figures(build(variant), 500, variant)
    assert all(figure.met for figure in figures), figures
    heads = by_name(figures)
    assert all(heads[f"{variant}, {head} head"] > 0.97 for head in ("object", "colour", "scene", "extra"))
    assert heads[f"{variant}, pattern head"] > 0.9


def test_labnet_is_accurate_and_has_hidden_shortcuts() -> None:
    figures = by_name(labnet_figures(build("labnet"), 500))
    assert figures["labnet, shortcut world"] >= 0.98
    assert figures["labnet, boat off its cue"] <= 0.85 and figures["labnet, car off its cue"] <= 0.85
    assert figures["labnet, shifted world"] < figures["labnet, free world"] < figures["labnet, shortcut world"]


def test_labself_carries_concepts() -> None:
    """Its features, mapped linearly to the judge's image space, tell objects, colours and groups."""
    figures = transfer_figures(build("labself"), Judge(JUDGES["labclip"].folder), 300)
    assert sum(figure.required is not None for figure in figures) == 3
    assert all(figure.met for figure in figures), figures


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(KeyError):
        new("labnets")
