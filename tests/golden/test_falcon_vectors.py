"""FALCON: groups, captions, words, contrast, maps and crops, against the reference's outputs."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from clq.engine.operator import Operator
from clq.ops.falcon import CropCoherence
from clq.ops.groups import FeatureGroups, groups_of
from clq.ops.handles import Subject
from clq.ops.kernels import boxes, contrast, falcon, gradcam, words
from clq.ops.kernels.crops import UnitMaps
from clq.ops.kernels.low import LookAlikes
from clq.ops.kernels.similarity import unit_rows

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from test_groups import held

NOUN, VERB, ADJECTIVE = {"NN", "NNP", "NNS"}, {"VB", "VBD", "VBG", "VBN", "VBP", "VBZ"}, {"JJ", "JJR", "JJS"}


class Crops(Operator):
    """Stands for crops: vectors of images that are the high ones of groups."""

    def __init__(self, high: FeatureGroups, vectors: np.ndarray, images: list[list[int]]) -> None:
        self.__dict__.update(high=high, files=["one"], key="crops", inputs=(), vectors=vectors)
        self.__dict__["rows"] = [(g, rank, i) for g, row in enumerate(images) for rank, i in enumerate(row)]

    def load(self, name: str) -> np.ndarray:
        unit, rank, image = np.array(self.__dict__["rows"]).T
        return {"unit": unit, "rank": rank, "vectors": self.__dict__["vectors"][image]}[name]

    def read(self, other: Any) -> Any:
        crops = self

        class Both:
            def artifact(self, operator: Any) -> Any:
                return crops if operator is crops else other.artifact(operator)

        return Both()


def far(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b.double()).abs().max())


def by_score(pairs: Iterable[Iterable[Any]]) -> dict[float, set[str]]:
    """Words per score: the reference orders equal scores by string hashing."""
    found = defaultdict(set)
    for word, score in pairs:
        found[round(score, 12)].add(word)
    return dict(found)


def kept(tagged: Iterable[tuple[str, str]], text: dict[str, Any], parts: set[str]) -> list[str]:
    """A caption's words as the reference takes them from given tags and lemmas."""
    lemmas = [text["lemma"].get(token, token) for token, tag in tagged if tag in parts]
    out = {*text["stop_list"], *text["discard_list"]}
    return [w for w in lemmas if w not in out and len(w) >= 3 and not any(c.isdigit() for c in w)]


@pytest.mark.parametrize("kind", ["f32", "f16"])
def test_caption_retrieval(vector: Any, kind: str) -> None:
    v = vector(f"falcon_caption_{kind}")
    shards = v.in_text.split(v.in_shard_sizes.tolist())
    exact = falcon.retrieve(v.in_image, shards, normalise=False)
    assert torch.equal(exact.index, v.out_exact_global_index)
    assert far(exact.score, v.out_exact_global_scores) <= 1e-10
    assert far(falcon.retrieve(v.in_image, shards).score, v.out_exact_global_scores) <= 2e-5


@pytest.mark.parametrize("kind", ["f32", "f16"])
def test_a_softmax_in_each_shard_is_what_the_reference_does(vector: Any, kind: str) -> None:
    v = vector(f"falcon_caption_{kind}")
    scores, index, offset = [], [], 0
    for shard in v.in_text.split(v.in_shard_sizes.tolist()):
        part = falcon.retrieve(v.in_image, shard, normalise=False)
        scores.append(part.score)
        index.append(part.index + offset)
        offset += len(shard)
    best = torch.cat(scores, 1).sort(dim=1, descending=True, stable=True)
    assert far(best.values[:, :5], v.out_exact_shard_scores) <= 1e-10
    assert torch.equal(torch.cat(index, 1).gather(1, best.indices[:, :5]), v.out_exact_shard_index)
    assert far(best.values[:, :5], v.out_ref_scores) <= (2e-5 if kind == "f32" else 4e-3)


def test_groups_and_their_coherence(vector: Any) -> None:
    v = vector("falcon_groups_main")
    z = unit_rows(v.in_representations)
    moments = falcon.Moments()
    for shard in z.split(64):
        moments.update(shard)
    threshold = moments.threshold()
    assert abs(threshold - float(v.out_exact_threshold)) <= 1e-6
    found = {",".join(map(str, g.features)): list(g.images) for g in falcon.groups(z, threshold)}
    assert found == v.text["groups_over_10"]
    sizes = {",".join(map(str, g.features)): len(g.images) for g in falcon.groups(z, threshold, least=1)}
    assert {k: n for k, n in sizes.items() if n >= 10} == v.text["all_group_sizes"]
    interpretable = []
    for name, images in found.items():
        alike = falcon.coherence(v.in_clip_embeddings[images])
        assert abs(alike.with_diagonal - v.text["mean_clip_cos_with_diagonal"][name]) <= 2e-6
        assert abs(alike.off_diagonal - v.text["mean_clip_cos_off_diagonal"][name]) <= 2e-6
        interpretable += [name] if alike.with_diagonal > 0.8 else []
    assert sorted(interpretable) == v.text["interpretable"]


def test_groups_of_the_operator(vector: Any, tmp_path: Path) -> None:
    """The same from activations in shards, as EXPLAIN GROUPS finds them: groups, their images, how alike those are."""
    v = vector("falcon_groups_main")
    read, scan = held(tmp_path, v.in_representations.numpy(), 64)
    published = FeatureGroups(scan, "published", (), None, 5.0, "exact", 11, 240, None)
    result = published.compute(read, None)  # type: ignore[arg-type]
    assert abs(result.facts["threshold"] - float(v.out_exact_threshold)) <= 1e-6
    high = read.store.put(published, result, 0.0)
    images = [[i for i in row if i >= 0] for row in high.load("index").tolist()]
    groups = groups_of(high)
    assert groups is not None
    found = {",".join(map(str, g)): sorted(row) for g, row in zip(groups, images, strict=True)}
    assert found == v.text["groups_over_10"]
    crops = Crops(published, v.in_clip_embeddings.numpy(), images)
    alike = CropCoherence(crops).compute(crops.read(read), None)  # type: ignore[arg-type]
    for which, name in (("with_diagonal", "with_diagonal"), ("off_diagonal", "off_diagonal")):
        expected = v.text[f"mean_clip_cos_{name}"]
        assert [expected[n] for n in found] == pytest.approx((alike.arrays or {})[which].tolist(), abs=2e-6)
    passed = [n for n, a in zip(found, (alike.arrays or {})["with_diagonal"], strict=True) if a > 0.8]
    assert sorted(passed) == v.text["interpretable"]


def test_low_images_of_a_group_in_blocks(vector: Any) -> None:
    v = vector("falcon_explain_main")
    z = unit_rows(v.in_representations)
    moments = falcon.Moments()
    moments.update(z)
    alike = LookAlikes(z[v.in_high_index].double().mean(0)[None], [v.in_group.tolist()], moments.mean, 0.3, 10)
    for block in z.split(37):
        alike.update(block)
    assert alike.best.result() == [v.out_ref_low_index.tolist()]


def test_contrastive_explanation_end_to_end(vector: Any) -> None:
    v = vector("falcon_explain_main")
    z = unit_rows(v.in_representations)
    moments = falcon.Moments()
    moments.update(z)
    low, dot = falcon.low_published(z, v.in_high_index, v.in_group, moments.mean)
    assert torch.equal(low, v.out_ref_low_index)
    assert far(dot, v.out_exact_low_dot) <= 1e-6

    tags, phrases = v.text["tags"], v.text["phrases"]
    parts = NOUN | VERB | ADJECTIVE
    held = [kept([(t, tags[t]) for t in c.split()], v.text, parts) for c in v.text["captions"]]
    held_phrases = [[p for p in phrases if p in c] for c in v.text["captions"]]
    n = len(v.in_high_index)
    index, score = v.out_ref_caption_index.tolist(), v.out_ref_caption_scores.tolist()
    for kind, per_caption in (("words", held), ("phrases", held_phrases)):
        high = contrast.published_scores(index[:n], score[:n], per_caption)
        back = contrast.published_scores(index[n:], score[n:], per_caption)
        assert by_score(high.items()) == by_score(v.text[f"high_{kind}"])
        assert by_score(back.items()) == by_score(v.text[f"low_{kind}"])
        result = contrast.published_cut(high, back)
        report = v.text[f"report_{kind}"]
        assert [w.score for w in result.kept[: len(report)]] == pytest.approx([s for _, s in report], abs=1e-12)
        if kind == "words":
            assert {w for w, s in back.items() if s >= 0.1} == set(v.text["deleted_words"])
            assert {r.word for r in result.removed} == set(high) & set(v.text["deleted_words"])
        assert all("on the low images" in r.why for r in result.removed)


def test_word_scores(vector: Any) -> None:
    text = vector("falcon_wordscores_main").text
    rows = [[tuple(range(i * 5, i * 5 + 5)), s] for i, s in enumerate(text["scores"])]
    index, score = [r[0] for r in rows], [r[1] for r in rows]
    flat = [caption for image in text["tagged"] for caption in image]
    for name, parts in (
        ("words", NOUN | VERB | ADJECTIVE),
        ("nouns", NOUN),
        ("verbs", VERB),
        ("adjectives", ADJECTIVE),
    ):
        found = contrast.published_scores(index, score, [kept(c["tags"], text, parts) for c in flat])
        assert by_score(found.items()) == by_score(text[name])
        assert list(found.values()) == pytest.approx([s for _, s in text[name]], abs=1e-12)
    phrases = contrast.published_scores(index, score, [c["noun_phrases"] for c in flat])
    assert by_score(phrases.items()) == by_score(text["noun_phrases"])


def test_caption_cleaning(vector: Any) -> None:
    text = vector("falcon_cleantext_main").text
    assert [words.clean_published(t, text["discard_list"]) for t in text["in"]] == text["out"]


def test_class_activation_maps(vector: Any) -> None:
    v = vector("falcon_gradcam_main")
    x = v.in_images
    for name, stride in (("stem_0", 2), ("layer4_0_0", 2), ("layer4_1_0", 1)):
        weight, bias = v.__getattr__(f"in_w_{name}_weight"), v.__getattr__(f"in_w_{name}_bias")
        x = functional.conv2d(x, weight, bias, stride, 1).relu()
    x.requires_grad_()
    features = x.mean((2, 3))
    assert far(features.detach(), v.out_features) <= 1e-5
    (gradient,) = torch.autograd.grad(features[:, v.in_group].sum(), x)
    x = x.detach()
    head = torch.zeros(x.shape[1])
    head[v.in_group] = 1
    for maps in (gradcam.grad_cam(x, gradient), gradcam.unit_cam(x, v.in_group), gradcam.linear_cam(x, head)):
        assert far(maps, v.out_exact_last_lowres) <= 1e-5
        assert far(gradcam.upsampled(maps, 32, 40), v.out_ref_last) <= 1e-4


def test_maps_of_a_group_are_traced_back_from_the_features(vector: Any) -> None:
    """As crops are found: the gradient of the summed features at the last module with maps, which is the last block."""
    v = vector("falcon_gradcam_main")
    net = torch.nn.Sequential()
    for name, stride in (("stem_0", 2), ("layer4_0_0", 2), ("layer4_1_0", 1)):
        weight, bias = v.__getattr__(f"in_w_{name}_weight"), v.__getattr__(f"in_w_{name}_bias")
        conv = torch.nn.Conv2d(weight.shape[1], weight.shape[0], 3, stride, 1)
        conv.load_state_dict({"weight": weight, "bias": bias})
        net.add_module(name, torch.nn.Sequential(conv, torch.nn.ReLU()))
    net.add_module("features", torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()))
    subject = Subject(net.eval(), None, "none", "cpu")  # type: ignore[arg-type]
    group = tuple(v.in_group.tolist())
    for layer in ("features", "layer4_1_0"):
        found = torch.cat(UnitMaps(subject, layer, "net")(v.in_images, [[group]] * 3))
        assert far(found, v.out_exact_last_lowres) <= 1e-5
        assert far(gradcam.upsampled(found, 32, 40), v.out_ref_last) <= 1e-4


def test_boxes_of_masks(vector: Any) -> None:
    v = vector("falcon_maskbox_main")
    found = np.array([boxes.largest_box(m) for m in v.in_masks.numpy()])
    assert (found == v.out_cc4_box.numpy()).all()
    agree = v.out_agree.numpy()
    assert (found[agree] == v.out_ref_box.numpy()[agree]).all()


def test_crops(vector: Any) -> None:
    v = vector("falcon_crop_main")
    for i in range(3):
        image = v.in_image_low[i].repeat_interleave(16, 1).repeat_interleave(16, 2)
        cam = v.in_cam_low[i].repeat_interleave(8, 0).repeat_interleave(8, 1)
        box = boxes.largest_box(gradcam.mask(cam[None])[0].numpy())
        assert list(box) == v.out_box[i].tolist()
        crop = boxes.crop(image, box)
        assert far(crop[:, ::7, ::7], v.out_crop_every_7th_pixel[i]) <= 2e-5
        means = functional.normalize(crop.mean((1, 2)), dim=0)
        assert far(means, v.out_normalised_channel_means[i]) <= 2e-5
