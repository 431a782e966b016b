"""Reading images: in order, in batches, once for all; and what is told while it goes on."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from toys import ToyImages, pixels

from clq.engine.reader import batches
from clq.engine.resources import Bar, Batch, Callback, Resources, Silent
from clq.lang.diagnostic import Diagnostic


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 4, 7, 100])
def test_batches_come_in_order_with_the_images_of_their_indices(workers: int, size: int) -> None:
    spec = ToyImages(23)
    wanted = [0, 1, 2, 5, 8, 9, 13, 14, 20, 22]
    resources = Resources(batch=size, workers=workers)
    found = list(batches(spec.open("cpu"), np.array(wanted), resources))
    assert [len(b.indices) for b in found] == [min(size, len(wanted) - n) for n in range(0, len(wanted), size)]
    assert [int(i) for b in found for i in b.indices] == wanted
    for batch in found:
        for index, image in zip(batch.indices, batch.images, strict=True):
            assert np.array_equal(image, pixels(spec, int(index)))
    assert resources.counts["decoded"] == len(wanted)


def test_slow_images_do_not_overtake_each_other() -> None:
    class Uneven:
        def __len__(self) -> int:
            return 12

        def image_name(self, index: int) -> str:
            return str(index)

        def dataset_name(self, index: int) -> str:
            return "toys"

        def read(self, index: int) -> np.ndarray:
            time.sleep(0.01 if index % 3 == 0 else 0)
            return np.full((1, 1, 3), index, np.uint8)

    found = list(batches(Uneven(), np.arange(12), Resources(batch=5, workers=4)))
    assert [int(i[0, 0, 0]) for b in found for i in b.images] == list(range(12))


def test_nothing_wanted_is_no_batch() -> None:
    assert list(batches(ToyImages(3).open("cpu"), np.zeros(0, np.int64), Resources())) == []


def test_decoding_is_ahead_of_use_but_not_without_end() -> None:
    images, resources = ToyImages(400).open("cpu"), Resources(batch=4, workers=2)
    others = set(threading.enumerate())
    stream = batches(images, np.arange(400), resources)
    next(stream)
    started = set(threading.enumerate()) - others
    assert 0 < len(started) <= 2
    time.sleep(0.1)
    assert 4 < len(images.reads) <= 4 + 2 * 4
    stream.close()  # type: ignore[attr-defined]
    before = len(images.reads)
    time.sleep(0.05)
    assert len(images.reads) <= before + 2
    for thread in started:
        thread.join(timeout=60)
        assert not thread.is_alive()


@pytest.mark.parametrize("problem", [OSError("cut off"), ValueError("no image"), SyntaxError("broken PNG file")])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_image_that_cannot_be_decoded_is_named(problem: Exception, workers: int) -> None:
    class Broken(ToyImages):
        pass

    images = Broken(9).open("cpu")
    real = images.read

    def read(index: int) -> np.ndarray:
        if index == 6:
            raise problem
        return real(index)

    images.read = read  # type: ignore[method-assign]
    stream, good = batches(images, np.arange(9), Resources(batch=3, workers=workers)), []
    with pytest.raises(Diagnostic) as caught:
        for batch in stream:
            good += batch.indices.tolist()
    assert (caught.value.code, caught.value.exit_code) == ("unreadable-image", 1)
    assert "image_6.png" in caught.value.message and str(problem) in caught.value.message
    assert good == list(range(6))


def test_a_mistake_in_the_code_that_decodes_is_not_called_a_bad_image() -> None:
    images = ToyImages(3).open("cpu")
    images.read = lambda index: {}[index]  # type: ignore[method-assign]
    with pytest.raises(KeyError):
        list(batches(images, np.arange(3), Resources(workers=1)))


def batch_of(count: int) -> Batch:
    return Batch(np.arange(count), [np.full((1, 1, 3), i, np.uint8) for i in range(count)])


def test_what_is_derived_is_made_once_for_equal_keys() -> None:
    made: list[int] = []

    def make(images: list[np.ndarray]) -> int:
        made.append(len(images))
        return len(made)

    batch = batch_of(4)
    assert [batch.derived(("resize", 32), make), batch.derived(("resize", 32), make)] == [1, 1]
    assert batch.derived(("resize", 64), make) == 2
    assert made == [4, 4]


def test_what_is_derived_may_be_nothing_and_is_still_made_once() -> None:
    made: list[int] = []
    batch = batch_of(1)
    for _ in range(2):
        assert batch.derived("key", lambda images: made.append(1)) is None
    assert made == [1]


def test_a_part_of_a_batch_has_its_own_images_and_derived_things() -> None:
    batch = batch_of(4)
    batch.derived("sum", lambda images: sum(int(i.sum()) for i in images))
    part = batch.only(np.array([True, False, True, False]))
    assert part.indices.tolist() == [0, 2]
    assert part.derived("sum", lambda images: sum(int(i.sum()) for i in images)) == 6
    assert batch.only(np.ones(4, bool)) is batch


def test_a_source_is_opened_once() -> None:
    from toys import images

    resources = Resources()
    assert resources.open(images(3)) is resources.open(images(3))


class Recorded:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def start(self, title: str, total: int) -> None:
        self.told.append((title, total))

    def advance(self, images: int) -> None:
        self.told.append(images)

    def finish(self) -> None:
        self.told.append("finished")


def test_progress_is_closed_however_the_work_ends() -> None:
    recorded = Recorded()
    with pytest.raises(KeyboardInterrupt), Resources(progress=recorded).showing("round 1/1", 9) as progress:
        progress.advance(3)
        raise KeyboardInterrupt
    assert recorded.told == [("round 1/1", 9), 3, "finished"]


def test_a_callback_is_told_what_is_done_of_what() -> None:
    told: list[tuple[str, int, int]] = []
    resources = Resources(progress=Callback(lambda *t: told.append(t)))
    for title in ("one", "two"):
        with resources.showing(title, 5) as progress:
            progress.advance(2)
            progress.advance(3)
    assert told == [("one", 0, 5), ("one", 2, 5), ("one", 5, 5), ("two", 0, 5), ("two", 2, 5), ("two", 5, 5)]


@pytest.mark.parametrize("progress", [Silent(), Bar()], ids=["silent", "bar"])
def test_bars_leave_standard_output_alone(progress: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with Resources(progress=progress).showing("round 1/1 lab.probe", 4) as shown:
        shown.advance(4)
    assert capsys.readouterr().out == ""
