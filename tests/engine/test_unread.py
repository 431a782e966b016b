"""Unreadable images that are left out: found in one reading, what was made of the others is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_reuse import ToyRows, expected, values
from toys import ToySample, model

from clq.engine.operator import Source
from clq.engine.resources import Resources
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.engine.unread import Unreadable
from clq.lang.diagnostic import Diagnostic


def damaged(chosen: Sequence[int], broken: Sequence[int]) -> Source:
    spec = ToySample(tuple(chosen), broken=tuple(broken))
    return Source("dataset", f"sample {chosen}", "sample", spec, spec.identities)


def without(chosen: Sequence[int], broken: Sequence[int]) -> Source:
    return damaged([i for i in chosen if i not in broken], broken)


def lenient(store: Store, *scans: ToyRows, shard: int = 5) -> Resources:
    resources = Resources(batch=3, workers=2, shard=shard, lenient=True)
    run(optimize(scans, store), store, resources)
    return resources


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_all_unreadable_images_are_found_in_one_reading(store: Store) -> None:
    scan = ToyRows(model(), damaged(range(20), (3, 4, 17)))
    with pytest.raises(Unreadable) as caught:
        lenient(store, scan)
    assert sorted(caught.value.reasons) == [3, 4, 17] and str(caught.value.reasons[3]) == "cut off"
    assert store.find(scan) is None, "an artifact over all images would be a lie"


def test_no_readable_image_is_read_again(store: Store) -> None:
    with pytest.raises(Unreadable):
        lenient(store, ToyRows(model(), damaged(range(20), (3, 17))), ToyRows(model(), damaged(range(20), (3, 17)), 1))
    scans = [ToyRows(model(), without(range(20), (3, 17)), layer) for layer in (0, 1)]
    assert lenient(Store(store.root), *scans).counts["decoded"] == 0
    for scan in scans:
        assert values(store, scan) == expected(scan)


def test_without_lenience_the_first_one_ends_the_run(store: Store) -> None:
    with pytest.raises(Diagnostic) as caught:
        run(optimize([ToyRows(model(), damaged(range(20), (3,)))], store), store, Resources(batch=3))
    assert caught.value.code == "unreadable-image" and "on_error" in str(caught.value.hint)


def test_a_data_set_that_cannot_tell_its_images_apart_is_read_whole_or_not_at_all(store: Store) -> None:
    blind = Source("dataset", "blind", "blind", ToySample(tuple(range(9)), broken=(2,)))
    with pytest.raises(Diagnostic) as caught:
        lenient(store, ToyRows(model(), blind))
    assert caught.value.code == "unreadable-image"


def test_a_shard_of_unreadable_images_only(store: Store) -> None:
    broken = tuple(range(5, 10))
    with pytest.raises(Unreadable):
        lenient(store, ToyRows(model(), damaged(range(15), broken)))
    scan = ToyRows(model(), without(range(15), broken))
    assert lenient(store, scan).counts["decoded"] == 0
    assert values(store, scan) == expected(scan)


def test_what_an_earlier_run_could_read_makes_no_row_of_another_image(store: Store) -> None:
    """The shard is whole from before; now one of its images cannot be read for another scan of the round."""
    sound = ToyRows(model(), damaged(range(10), ()))
    half = Resources(batch=3, shard=5)
    run(optimize([sound], store), store, half)
    (store.folder(sound.key) / "artifact.json").unlink()  # as if it had been killed: its shards are there
    fresh = Store(store.root)
    other = ToyRows(model(), damaged(range(10), (2,)), 1)
    again = ToyRows(model(), other.images)
    assert again.key == sound.key
    with pytest.raises(Unreadable):
        lenient(fresh, again, other)
    for layer in (0, 1):
        scan = ToyRows(model(), without(range(10), (2,)), layer)
        lenient(fresh, scan)
        assert values(fresh, scan) == expected(scan)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    broken=st.sets(st.integers(0, 24), max_size=25),
    before=st.sets(st.integers(0, 24), max_size=25),
    shard=st.integers(1, 9),
)
def test_left_out_equals_never_there(
    broken: set[int], before: set[int], shard: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever part was computed before, and whatever is unreadable: the rows of the others, each read once."""
    store = Store(tmp_path_factory.mktemp("store"))
    sound = sorted(before - broken)
    if sound:
        lenient(store, ToyRows(model(), damaged(sound, ())), shard=4)
    if broken:
        with pytest.raises(Unreadable) as caught:
            lenient(store, ToyRows(model(), damaged(range(25), sorted(broken))), shard=shard)
        assert set(caught.value.reasons) == broken
    left = [i for i in range(25) if i not in broken]
    if left:
        scan = ToyRows(model(), without(range(25), sorted(broken)))
        resources = lenient(store, scan, shard=shard)
        assert resources.counts["decoded"] == (0 if broken else 25 - len(sound))
        assert values(store, scan) == expected(scan)
