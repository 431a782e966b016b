"""Rows that earlier scans have left: only new images are read, and the rows are those of a scan from the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import Forward, ToyImages, ToyModel, ToyPairs, ToyScan, images, model, pixels, response, sample

from clq.engine.operator import Consumer, Inputs, Operator, Rowwise, Source
from clq.engine.resources import Batch, Resources
from clq.engine.reuse import lacking, work_key
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.engine.unread import Unreadable


@dataclass
class Values:
    """The rows of Forward without the place of the image, which is of one data set only."""

    forward: Forward

    def consume(self, batch: Batch) -> Sequence[dict[str, np.ndarray]]:
        return [{"values": rows["values"]} for rows in self.forward.consume(batch)]


@dataclass(frozen=True, eq=False)
class ToyRows(ToyScan):
    """'values' [images, 1] of one layer: each row depends on its image alone."""

    rowwise: ClassVar[bool] = True

    @classmethod
    def start(cls, scans: Sequence[Any], inputs: Inputs, resources: Resources) -> Consumer:
        opened: ToyModel = inputs.opened(scans[0].model)
        layers = [s.layer for s in scans]
        return Values(Forward(opened.weight, opened.pause, layers, "forward", resources))


def compute(store: Store, *scans: ToyRows, shard: int = 5) -> int:
    """Run the scans; how many images were read."""
    resources = Resources(batch=3, workers=1, shard=shard)
    run(optimize(scans, store), store, resources)
    assert resources.counts["forward"] == resources.counts["decoded"]
    return resources.counts["decoded"]


def values(store: Store, scan: ToyRows) -> list[int]:
    found = store.find(scan)
    assert found is not None
    return [int(v) for v in found.load("values")[:, 0]]


def expected(scan: ToyRows) -> list[int]:
    spec = scan.images.spec
    return [response(scan.model.spec.weight, scan.layer, pixels(spec.whole, i)) for i in spec.chosen]


def rows(*chosen: int, layer: int = 0, weight: int = 3) -> ToyRows:
    return ToyRows(model(weight), sample(*chosen), layer)


def test_only_new_images_are_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, more, part = rows(*range(20)), rows(*range(26)), rows(*range(3, 12))
    assert compute(store, first) == 20
    assert lacking(store, more.images, [more]) == 6
    assert compute(store, more) == 6
    assert compute(store, part) == 0
    for scan in (first, more, part):
        assert values(store, scan) == expected(scan)


def test_images_that_come_between_and_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    compute(store, rows(*range(20)))
    changed = rows(100, *range(7), 101, *range(9, 20), 102)
    assert compute(store, changed) == 3 and values(store, changed) == expected(changed)


def test_other_work_is_not_taken_for_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    compute(store, rows(*range(10)))
    for other in (rows(*range(11), layer=1), rows(*range(11), weight=5)):
        assert compute(store, other) == 11 and values(store, other) == expected(other)
    assert len({work_key(s) for s in (rows(1), rows(1, layer=1), rows(1, weight=5))}) == 3
    assert work_key(rows(1)) == work_key(rows(2))


def test_a_layer_that_is_new_reads_all_and_the_other_stays_right(tmp_path: Path) -> None:
    store = Store(tmp_path)
    compute(store, rows(*range(10)))
    one, two = rows(*range(12)), rows(*range(12), layer=1)
    assert compute(store, one, two) == 12
    assert (values(store, one), values(store, two)) == (expected(one), expected(two))
    three, four = rows(*range(8, 15)), rows(*range(8, 15), layer=1)
    assert compute(store, three, four) == 3
    assert (values(store, three), values(store, four)) == (expected(three), expected(four))


def test_without_identities_everything_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert compute(store, ToyRows(model(), images(10))) == 10
    assert compute(store, ToyRows(model(), images(12))) == 12
    assert not (tmp_path / "rows").exists()


def test_damage_costs_a_new_reading_and_no_wrong_row(tmp_path: Path) -> None:
    store = Store(tmp_path)
    compute(store, rows(*range(10)))
    ids = next((tmp_path / "rows").rglob("*.safetensors"))
    ids.write_bytes(ids.read_bytes()[:-1] + b"x")
    again = rows(*range(12))
    assert compute(store, again) == 12 and values(store, again) == expected(again)
    assert not ids.exists()
    for shard in store.folder(again.key).glob("*.safetensors"):
        shard.write_bytes(b"damaged")
    fresh = Store(tmp_path)
    third = rows(*range(14))
    assert compute(fresh, third) == 14 and values(fresh, third) == expected(third)


def test_a_data_set_that_miscounts_is_a_mistake_of_ours(tmp_path: Path) -> None:
    whole = sample(1, 2, 3)
    wrong = Source("dataset", "x", "x", whole.spec, lambda: ["only one"])
    with pytest.raises(ValueError, match="3 images and 1 identities"):
        compute(Store(tmp_path), ToyRows(model(), wrong))


# ------------------------------------------------------------ several rows an image, found again one by one


def pairs(chosen: Sequence[int], layers: Sequence[int], most: int, weight: int = 3) -> ToyPairs:
    return ToyPairs(model(weight), sample(*chosen), tuple(layers), most)


def paired(store: Store, scan: ToyPairs) -> list[tuple[int, ...]]:
    found = store.find(scan)
    assert found is not None
    if not found.files:
        return []
    values = found.load("values")[:, 0].tolist()
    return list(zip(*(found.load(name).tolist() for name in ("index", "layer", "rank")), values, strict=True))


def made(store: Store, scan: ToyPairs, shard: int = 5) -> tuple[int, int]:
    """Run a scan of pairs; how many rows were made, and how many images were read."""
    resources = Resources(batch=3, workers=1, shard=shard)
    run(optimize([scan], store), store, resources)
    return resources.counts["pairs"], resources.counts["decoded"]


def test_only_new_pairs_are_made_and_only_their_images_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, more, larger = pairs(range(20), (0, 1), 4), pairs(range(20), (0, 1, 2), 4), pairs(range(20), (0, 1, 2), 6)
    assert made(store, first)[0] == 8
    new = {i for i, layer, _ in more.pairs().tolist() if layer == 2}
    assert made(store, more) == (4, len(new))
    assert made(store, larger)[0] == 6
    assert made(store, pairs(range(20), (2, 0), 5)) == (0, 0)
    for scan in (first, more, larger):
        assert paired(store, scan) == scan.expected()
    assert made(store, pairs(range(20), (0,), 4, weight=5))[0] == 4, "another model is other work"


def test_pairs_that_several_want_are_made_once(tmp_path: Path) -> None:
    store, resources = Store(tmp_path), Resources(batch=3, workers=1, shard=5)
    asked = [((0, 1), 4), ((1, 2), 4), ((1,), 6), ((), 2)]
    scans = [pairs(range(20), layers, most) for layers, most in asked]
    plan = optimize(scans, store)
    assert [len(p.scans) for r in plan.rounds for p in r.passes] == [4]
    run(plan, store, resources)
    wanted = {(i, layer) for scan in scans for i, layer, _ in scan.pairs().tolist()}
    assert resources.counts["pairs"] == len(wanted) < sum(len(s.pairs()) for s in scans)
    assert resources.counts["decoded"] == len({i for i, _ in wanted})
    assert [paired(store, s) for s in scans] == [s.expected() for s in scans]
    more = [pairs(range(20), (0, 2), 5), pairs(range(20), (2, 3), 3)]
    run(optimize(more, store), store, resources)
    wanted |= {(i, layer) for scan in more for i, layer, _ in scan.pairs().tolist()}
    assert resources.counts["pairs"] == len(wanted)
    assert [paired(store, s) for s in more] == [s.expected() for s in more]


def test_an_unreadable_image_takes_its_pairs_along(tmp_path: Path) -> None:
    store = Store(tmp_path)
    whole = sample(*range(20))
    spec = type(whole.spec)(whole.spec.chosen, broken=(4,))
    broken = Source("dataset", "broken", "broken", spec, spec.identities)
    scan = ToyPairs(model(), broken, (0, 1), 20)
    with pytest.raises(Unreadable):
        run(optimize([scan], store), store, Resources(batch=3, workers=1, shard=5, lenient=True))
    rest = pairs([i for i in range(20) if i != 4], (0, 1), 20)
    assert made(store, rest) == (0, 0) and paired(store, rest) == rest.expected()


CHOSEN = st.lists(st.integers(0, 30), min_size=1, max_size=25, unique=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.tuples(CHOSEN, st.sets(st.integers(0, 2), min_size=1)), min_size=1, max_size=5),
       shard=st.integers(2, 9))  # fmt: skip
def test_one_after_another_equals_from_the_start(
    asked: list[tuple[list[int], set[int]]], shard: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    seen: dict[int, set[int]] = {}
    for chosen, layers in asked:
        scans = [rows(*chosen, layer=layer) for layer in sorted(layers)]
        new = {i for i in chosen if any(i not in seen.get(layer, ()) for layer in layers)}
        assert compute(store, *scans, shard=shard) <= len(new)
        for scan in scans:
            assert values(store, scan) == expected(scan)
            seen.setdefault(scan.layer, set()).update(chosen)


def test_the_toy_images_know_their_pixels() -> None:
    assert (pixels(ToyImages(1000), 5) == sample(5).spec.read(0)).all()


# ------------------------------------------------------------------ texts


@dataclass(frozen=True)
class Words:
    texts: tuple[str, ...]

    def open(self, device: str) -> Words:
        return self


@dataclass(frozen=True, eq=False)
class Lengths(Rowwise):
    """'length' [texts], times a weight."""

    words: Source
    weight: int = 1

    @property
    def rows_of(self) -> Operator:
        return self.words

    def identities(self, inputs: Inputs) -> Sequence[str]:
        found: Sequence[str] = inputs.opened(self.words).texts
        return found

    def compute_rows(self, inputs: Inputs, resources: Resources, which: np.ndarray) -> dict[str, np.ndarray]:
        texts = self.identities(inputs)
        resources.counts["texts"] += len(which)
        return {"length": np.array([len(texts[i]) * self.weight for i in which], np.int64)}


def lengths(*texts: str, weight: int = 1) -> Lengths:
    return Lengths(Source("vocabulary", " ".join(texts), "words", Words(texts)), weight)


def test_only_new_texts_are_worked_on(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def work(operator: Lengths) -> int:
        resources = Resources(workers=1)
        run(optimize([operator], store), store, resources)
        found = store.find(operator)
        assert found is not None
        assert found.load("length").tolist() == [len(t) * operator.weight for t in operator.words.spec.texts]
        return resources.counts["texts"]

    assert work(lengths("a", "bbb", "cc")) == 3
    assert work(lengths("dddd", "bbb", "a", "eeeee")) == 2
    assert work(lengths("cc", "bbb")) == 0
    assert work(lengths("cc", "bbb", weight=2)) == 2
    assert work(lengths("f")) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=st.lists(
        st.tuples(CHOSEN, st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True), st.integers(0, 9)),
        min_size=1, max_size=5,
    ),
    shard=st.integers(2, 9),
)  # fmt: skip
def test_pairs_one_after_another_equal_those_from_the_start(
    asked: list[tuple[list[int], list[int], int]], shard: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    seen: set[tuple[int, int]] = set()
    for chosen, layers, most in asked:
        scan = pairs(chosen, layers, most)
        mine = {(chosen[i], layer) for i, layer, _ in scan.pairs().tolist()}
        done, read = made(store, scan, shard)
        assert done == len(mine - seen) and read == len({i for i, _ in mine - seen})
        assert paired(store, scan) == scan.expected()
        seen |= mine


def test_rows_of_an_artifact_that_is_not_declared_whole_yet_are_left_for_later(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = rows(*range(10))
    compute(store, first)
    manifest = store.folder(first.key) / "artifact.json"
    data = manifest.read_bytes()
    manifest.unlink()  # as between two steps of the process that makes it
    assert compute(Store(tmp_path), rows(*range(11))) == 11
    manifest.write_bytes(data)
    assert len(list(tmp_path.glob("rows/*/*"))) == 2
