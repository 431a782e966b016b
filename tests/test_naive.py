"""Whole scripts, planned together and optimised, against the few lines of numpy of `naive`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import naive

import clq

IMAGES = 40
WORDS = ("boat", "snow", "water", "car", "red", "horse", "stripe", "flower", "blue", "night")
CAPTIONS = (
    "a red boat on water", "a car at night", "a blue flower", "snow", "a horse and a red car", "water", "a boat",
    "a red flower in snow", "a night of snow", "blue water",
)  # fmt: skip
UNITS = {"layer1": 24, "layer2": 48, "layer3": 96, "layer4": 192, "fc": 33}


def listed(words: Sequence[str]) -> str:
    return "[" + ", ".join(f"'{w}'" for w in words) + "]"


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """One query, as the arguments that both sides take."""
    start = draw(st.integers(0, IMAGES - 2))
    layer = draw(st.sampled_from(list(UNITS)))
    return {
        "verb": draw(st.sampled_from(["clip_dissect", "clip_dissect", "falcon", "falcon", "EMBED"])),
        "layer": layer,
        "units": sorted(draw(st.sets(st.integers(0, UNITS[layer] - 1), min_size=1, max_size=5))),
        "images": (start, draw(st.integers(start + 2, IMAGES))),
        "words": draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8, unique=True)),
        "captions": draw(st.lists(st.sampled_from(CAPTIONS), min_size=2, max_size=8, unique=True)),
        "k": draw(st.integers(1, 12)),
        "a": draw(st.sampled_from([2.0, 10.0, 20.0])),
        "threshold": draw(st.sampled_from([None, 0.5, 1.5])),
        "least": draw(st.integers(1, 4)),
        "published": draw(st.booleans()),
    }


def written(q: dict[str, Any]) -> str:
    images, words = f"lab.probe[{q['images'][0]}:{q['images'][1]}]", listed(q["words"])
    what = f"EXPLAIN {q['layer']}{q['units']} OF labnet ON {images}"
    if q["verb"] == "EMBED":
        return f"EMBED {images} JUDGED BY labclip"
    if q["verb"] == "clip_dissect":
        return f"{what} USING clip_dissect(top_k={q['k']}, a={q['a']}, top=10) WITH {words}"
    threshold = "null" if q["threshold"] is None else q["threshold"]
    rule = "published" if q["published"] else "per_word"
    return (
        f"{what} USING falcon(crop=none, images={q['k']}, captions=3, threshold={threshold}, least={q['least']}, "
        f"contrast_rule={rule}, top=10) WITH {words} CAPTIONED BY {listed(q['captions'])}"
    )


def expected(q: dict[str, Any]) -> list[naive.Found]:
    part = slice(*q["images"])
    acts, image = naive.activations(IMAGES)[q["layer"]][part], naive.image_vectors(IMAGES)[part]
    if q["verb"] == "clip_dissect":
        found = naive.clip_dissect(acts, image, q["words"], top_k=q["k"], a=q["a"])
    else:
        found = naive.falcon(
            acts, image, q["words"], q["captions"], images=q["k"], threshold=q["threshold"], least=q["least"], k=3,
            published=q["published"],
        )  # fmt: skip
    return [found[unit] for unit in q["units"]]


def agree(q: dict[str, Any], answer: pd.DataFrame) -> None:
    if q["verb"] == "EMBED":
        assert np.allclose(np.stack(answer.vector), naive.image_vectors(IMAGES)[slice(*q["images"])], atol=1e-5)
        return
    for unit, words in zip(q["units"], expected(q), strict=True):
        rows = answer[answer.unit == unit].sort_values("rank")
        if words is None:
            assert rows.concept.isna().all() and len(rows) == 1, (q, unit)
            continue
        assert list(rows.score) == pytest.approx(sorted(words.values(), reverse=True)[:10], abs=2e-4), (q, unit)
        # Among equal scores either order will do.
        assert [words[w] for w in rows.concept] == pytest.approx(list(rows.score), abs=2e-4), (q, unit)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clq.Connection]:
    """A store in which every script meets what the others have left."""
    with clq.connect(tmp_path_factory.mktemp("shared")) as con:
        yield con


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(questions(), min_size=1, max_size=4), fresh=st.booleans())
def test_a_script_gives_what_numpy_gives(
    script: list[dict[str, Any]], fresh: bool, shared: clq.Connection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = ";\n".join(map(written, script))
    if fresh:
        with clq.connect(tmp_path_factory.mktemp("fresh"), batch=7) as con:
            results = con.run(text)
    else:
        results = shared.run(text)
    for question, result in zip(script, results, strict=True):
        agree(question, result.df())
