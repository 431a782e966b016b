"""Carrying out plans: what is read, how often, and what is left in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toys import Forward, ToyCrops, ToyJoin, ToyScan, ToyTop, expected, images, model, rows

from clq.engine.artifact import Result
from clq.engine.operator import Operator
from clq.engine.plan import Compute, Plan, levels
from clq.engine.resources import Batch, Callback, Resources
from clq.engine.rules import RULES, cut_cached, fuse_captures
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.lang.diagnostic import Diagnostic


def finish(root: Operator, store: Store, resources: Resources, rules: Any = RULES) -> None:
    run(optimize([root], store, rules), store, resources)
    assert rows(store, root) == expected(root)


def test_two_layers_of_a_model_and_another_model_cost_one_decode_of_each_image(
    store: Store, resources: Resources
) -> None:
    data = images(20)
    finish(ToyJoin((ToyScan(model(3), data, 0), ToyScan(model(3), data, 1), ToyScan(model(5), data))), store, resources)
    assert sorted(resources.open(data).reads) == list(range(20))
    assert resources.counts == {"rounds": 1, "decoded": 20, "forward toy3": 20, "forward toy5": 20}


def test_a_second_round_reads_the_selected_images_only(store: Store, resources: Resources) -> None:
    data = images(20)
    crops = ToyCrops(model(3), data, ToyTop(ToyScan(model(3), data), 4))
    finish(ToyJoin((crops,)), store, resources)
    chosen = [i for i, _ in rows(store, crops)]
    assert len(chosen) == 4
    assert resources.open(data).reads[20:] == chosen
    assert resources.counts["rounds"] == 2


def test_scans_that_share_a_pass_keep_their_own_images(store: Store, resources: Resources) -> None:
    data, scan = images(20), ToyScan(model(3), images(20))
    few, many = ToyCrops(model(3), data, ToyTop(scan, 2)), ToyCrops(model(3), data, ToyTop(scan, 5))
    finish(ToyJoin((few, many)), store, resources)
    assert (len(rows(store, few)), len(rows(store, many))) == (2, 5)
    assert len(resources.open(data).reads) == 20 + 5


def test_a_scan_that_selects_nothing_is_finished_all_the_same(store: Store, resources: Resources) -> None:
    data = images(8)
    crops = ToyCrops(model(), data, ToyTop(ToyScan(model(), data), 0))
    finish(ToyJoin((crops,)), store, resources)
    found = store.find(crops)
    assert found is not None
    assert (found.files, found.rows) == ([], 0)


def test_a_finished_plan_costs_nothing_the_second_time(store: Store, resources: Resources) -> None:
    root = ToyJoin((ToyScan(model(), images()),))
    finish(root, store, resources)
    again = Resources()
    plan = optimize([root], Store(store.root))
    assert plan.steps == ()
    run(plan, Store(store.root), again)
    assert not again.counts


def test_the_rows_of_an_artifact_are_counted_from_what_it_holds(store: Store, resources: Resources) -> None:
    scan = ToyScan(model(), images(20))
    crops = ToyCrops(model(), images(20), ToyTop(scan, 7))
    finish(ToyJoin((scan, crops)), store, resources)
    counted = [store.find(o) for o in (scan, crops)]
    assert [c.rows for c in counted if c is not None] == [20, 7]


def test_a_scan_above_a_cached_answer_joins_the_first_round(store: Store, resources: Resources) -> None:
    """What the answer was once made of may be gone; it must not put anything into a later round."""
    data = images(12)
    top = ToyTop(ToyScan(model(3), data), 3)
    store.put(top, Result({"index": top_index(top)}), 0.0)
    root = ToyJoin((ToyCrops(model(3), data, top), ToyScan(model(5), data)))
    plan = optimize([root], store)
    assert {levels(plan)[s.key] for r in plan.rounds for s in r.scans} == {0}
    assert len(plan.rounds) == 1
    finish(root, store, resources)
    assert len(resources.open(data).reads) == 12


def top_index(top: ToyTop) -> Any:
    import numpy as np

    return np.array([i for (i,) in expected(top)])


def test_progress_is_told_the_images_of_each_round(store: Store) -> None:
    told: list[tuple[str, int, int]] = []
    resources = Resources(batch=4, workers=1, shard=8, progress=Callback(lambda *t: told.append(t)))
    data = images(10)
    finish(ToyJoin((ToyCrops(model(), data, ToyTop(ToyScan(model(), data), 3)),)), store, resources)
    titles = list(dict.fromkeys(title for title, _, _ in told))
    assert titles == ["round 1/2 toys10s0: toy3 forward", "round 2/2 toys10s0: toy3 crops"]
    for title, total in zip(titles, (10, 3), strict=True):
        steps = [(done, of) for name, done, of in told if name == title]
        assert steps[0] == (0, total)
        assert steps[-1] == (total, total)


def test_rounds_are_numbered_anew_in_each_run(store: Store) -> None:
    told: list[str] = []
    resources = Resources(progress=Callback(lambda title, done, total: told.append(title)))
    finish(ToyScan(model(3), images()), store, resources)
    finish(ToyScan(model(5), images()), store, resources)
    assert list(dict.fromkeys(t.split(" toys")[0] for t in told)) == ["round 1/1"]


def test_an_unreadable_image_is_named_and_what_was_done_before_it_is_kept(store: Store) -> None:
    broken = images(20, broken=(13,))
    scan = ToyScan(model(), broken)
    with pytest.raises(Diagnostic) as caught:
        run(optimize([scan], store), store, Resources(batch=3, workers=2, shard=6))
    assert (caught.value.code, caught.value.exit_code) == ("unreadable-image", 1)
    assert "image_13.png" in caught.value.message
    assert store.find(scan) is None
    repaired = ToyScan(model(), images(20))
    assert repaired.key == scan.key
    resources = Resources(batch=3, workers=2, shard=6)
    run(optimize([repaired], Store(store.root)), Store(store.root), resources)
    assert sorted(resources.open(repaired.images).reads) == list(range(12, 20))
    assert rows(Store(store.root), repaired) == expected(repaired)


def test_an_interrupted_run_is_taken_up_after_its_last_whole_shard(
    store: Store, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of the second shard: no half shard, no file aside, the bar closed."""
    data, scan, seen = images(20), ToyScan(model(), images(20)), []
    real = Forward.consume

    def consume(self: Forward, batch: Batch) -> Any:
        seen.append(len(batch.indices))
        if len(seen) == 4:
            raise KeyboardInterrupt
        return real(self, batch)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Forward, "consume", consume)
        run(optimize([scan], store), store, resources)
    assert list(store.shards(scan)) == [range(0, 6)]
    assert list(store.root.rglob(".*")) == []
    again = Resources(batch=3, workers=1, shard=6)
    finish(scan, Store(store.root), again)
    assert again.open(data).reads == list(range(6, 20))


def test_an_operator_whose_input_was_not_computed_says_which(store: Store, resources: Resources) -> None:
    top = ToyTop(ToyScan(model(), images()), 3)
    with pytest.raises(LookupError, match=r"layer 0 of toy3 .* has not been computed"):
        run(Plan((top,), (Compute(top),)), store, resources)


def test_shards_of_another_size_are_not_mixed_in(store: Store) -> None:
    scan = ToyScan(model(), images(20, broken=(13,)))
    with pytest.raises(Diagnostic):
        run(optimize([scan], store), store, Resources(workers=1, shard=4))
    finish(ToyScan(model(), images(20)), store, Resources(workers=1, shard=6))


def test_only_what_a_lagging_scan_lacks_is_read(store: Store) -> None:
    """A selecting scan whose shard has nothing of its own must not make the round read what others have finished."""
    data = images(18)
    full, top = ToyScan(model(5), data), ToyTop(ToyScan(model(3), data), 1)
    finish(top, store, Resources(workers=1, shard=6))
    crops = ToyCrops(model(3), data, top)
    (only,) = [i for (i,) in expected(top)]
    lacking = next(n for n in range(0, 18, 6) if only not in range(n, n + 6))
    partial = images(18, broken=tuple(i for i in range(18) if i not in range(lacking, lacking + 6)))
    for shard in (0, 6, 12):  # leave one shard of `full`, none of `crops`
        if shard == lacking:
            fill_one(store, ToyScan(model(5), partial), lacking)
    resources = Resources(workers=1, shard=6)
    finish(ToyJoin((full, crops)), store, resources)
    assert sorted(resources.open(data).reads) == [i for i in range(18) if i not in range(lacking, lacking + 6)]


def fill_one(store: Store, scan: ToyScan, first: int) -> None:
    import numpy as np

    block = expected(ToyScan(scan.model, images(18)))[first : first + 6]
    index, values = (np.array(column, np.int64) for column in zip(*block, strict=True))
    store.put_shard(scan, range(first, first + 6), {"index": index, "values": values[:, None]})


def test_a_thing_is_opened_again_for_another_device(resources: Resources) -> None:
    source = images()
    first = resources.open(source)
    assert resources.open(source) is first
    resources.device = "cuda"
    assert resources.open(source) is not first


@pytest.mark.parametrize("rules", [(), (cut_cached,), (cut_cached, fuse_captures), RULES])
def test_any_prefix_of_the_rules_gives_the_same_rows(store: Store, resources: Resources, rules: Any) -> None:
    data, other = images(14), images(9, seed=1)
    scan = ToyScan(model(3), data)
    crops = ToyCrops(model(3), data, ToyTop(scan, 3)), ToyCrops(model(3), other, ToyTop(scan, 6), 1)
    finish(ToyJoin((*crops, scan, ToyScan(model(5), other)), scale=2), store, resources, rules)


def test_an_interrupt_that_was_swallowed_still_stops_the_run(tmp_path: Path) -> None:
    from clq.engine.interrupt import ask, stop_if_asked

    ask()
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(optimize([ToyScan(model(), images(20))], store), store, Resources(workers=1))
    stop_if_asked()  # told once
    run(optimize([ToyScan(model(), images(20))], store), store, Resources(workers=1))
