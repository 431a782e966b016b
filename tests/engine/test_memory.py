"""Memory that runs out: batches are halved until they fit, and the rows are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import Forward, ToyScan, expected, images, model, rows

from clq.engine import footprint
from clq.engine.operator import Consumer, Inputs
from clq.engine.reader import batches
from clq.engine.resources import Batch, Resources, Spread, ran_out
from clq.engine.run import optimize, run
from clq.engine.store import Store
from clq.lang import Diagnostic


@dataclass
class Small:
    """Fails as torch does for more than `most` images at once."""

    forward: Forward
    most: int
    seen: list[int]

    def consume(self, batch: Batch) -> Sequence[dict[str, np.ndarray]]:
        self.seen.append(len(batch.indices))
        if len(batch.indices) > self.most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")
        return self.forward.consume(batch)


def scan_of(most: int, seen: list[int]) -> type[ToyScan]:
    class SmallScan(ToyScan):
        @classmethod
        def start(cls, scans: Sequence[Any], inputs: Inputs, resources: Resources) -> Consumer:
            return Small(ToyScan.start(scans, inputs, resources), most, seen)  # type: ignore[arg-type]

    return SmallScan


def test_a_batch_is_halved_until_it_fits(tmp_path: Path) -> None:
    seen: list[int] = []
    scan = scan_of(3, seen)(model(), images(40))
    store, resources = Store(tmp_path), Resources(batch=16, workers=1, shard=20)
    run(optimize([scan], store), store, resources)
    assert rows(store, scan) == expected(ToyScan(model(), images(40)))
    assert seen[:4] == [16, 8, 4, 2]
    assert resources.batch == 2 and resources.counts["halved"] > 0
    assert resources.counts["decoded"] == 40, "nothing is decoded twice"


def test_one_image_that_does_not_fit_is_told(tmp_path: Path) -> None:
    scan = scan_of(0, [])(model(), images(4))
    store = Store(tmp_path)
    with pytest.raises(Diagnostic) as caught:
        run(optimize([scan], store), store, Resources(batch=4, workers=1))
    assert caught.value.code == "out-of-memory" and caught.value.exit_code == 1


def test_other_errors_pass_through(tmp_path: Path) -> None:
    class Wrong(ToyScan):
        @classmethod
        def start(cls, scans: Sequence[Any], inputs: Inputs, resources: Resources) -> Consumer:
            class Consuming:
                def consume(self, batch: Batch) -> Sequence[dict[str, np.ndarray]]:
                    raise RuntimeError("shapes do not fit")

            return Consuming()

    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run(optimize([Wrong(model(), images(4))], store), store, Resources(workers=1))


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_signs_of_short_memory(error: Exception, short: bool) -> None:
    assert ran_out(error) is short


# ------------------------------------------------------------ SET memory


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process held 100 MB."""
    monkeypatch.setattr(footprint, "held", lambda: 100 << 20)


@pytest.mark.usefixtures("held")
def test_what_is_left_below_a_limit_is_shared_out() -> None:
    assert footprint.share(None) == footprint.UNLIMITED
    assert footprint.share(500 << 20) == 100 << 20
    assert footprint.share(50 << 20) == footprint.LEAST, "models alone hold more: there is still something to work with"
    assert footprint.images_that_fit(None, 0, 128) == 128
    assert footprint.images_that_fit(500 << 20, 0, 128) == 1, "before the first image its size is unknown"
    assert footprint.images_that_fit(500 << 20, 10 << 20, 128) == 10
    assert footprint.images_that_fit(500 << 20, 300 << 20, 128) == 1
    assert Resources(limit=1200 << 20, spread=Spread("processes", 3)).own_limit == 300 << 20
    assert Resources(limit=1200 << 20, spread=Spread("tcp://there:8786")).own_limit == 1200 << 20


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("limit", [None, 164 << 20])
def test_images_wait_only_as_far_as_they_fit(limit: int | None) -> None:
    """One of 4 MB each, and 16 MB for those that wait."""
    size, released = 4 << 20, [0]

    class Large:
        begun = 0

        def __len__(self) -> int:
            return 40

        def image_name(self, index: int) -> str:
            return str(index)

        def dataset_name(self, index: int) -> str:
            return "large"

        def read(self, index: int) -> np.ndarray:
            self.begun += 1
            most.append(self.begun - released[0])
            return np.full((1, size // 3, 3), index, np.uint8)

    spec, most, sizes, seen = Large(), [0], [], []
    for batch in batches(spec, np.arange(40), Resources(batch=8, workers=2, limit=limit)):
        sizes.append(len(batch.indices))
        seen += [int(i[0, 0, 0]) for i in batch.images]
        released[0] += len(batch.images)
    assert seen == list(range(40))
    if limit is None:
        assert sizes == [8] * 5
    else:
        assert sizes == [1] + [2] * 19 + [1] and max(most) <= 7  # a batch of 2, 4 that wait, 1 just taken


@pytest.mark.usefixtures("held")
def test_a_batch_beyond_the_limit_makes_later_ones_as_small_as_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image of a batch takes 10 MB; above the 100 MB that are held, there is room for 3 of them."""
    seen: list[int] = []
    monkeypatch.setattr(footprint, "peak", lambda: (100 + 10 * max(seen, default=0)) << 20)
    scan = scan_of(100, seen)(model(), images(40))
    store, resources = Store(tmp_path), Resources(batch=16, workers=1, shard=40, limit=130 << 20)
    run(optimize([scan], store), store, resources)
    assert seen == [1, 16, *[3] * 7, 2]  # the first one tells how large an image is
    assert rows(store, scan) == expected(ToyScan(model(), images(40)))
