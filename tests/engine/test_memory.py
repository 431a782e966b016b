"""Memory that runs out: batches are halved until they fit, and the rows are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import Forward, ToyScan, expected, images, model, rows

from clq.engine.memory import ran_out
from clq.engine.operator import Consumer, Inputs
from clq.engine.resources import Batch, Resources
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
