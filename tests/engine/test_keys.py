"""Keys: equal for equal work, in every process; different as soon as anything differs that could change a value."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from toys import ToyCrops, ToyJoin, ToyScan, ToyTop, images, model

import clq.ops
from clq.engine.operator import Global, Operator, Rowwise, Scan, Source, canonical
from clq.engine.spec import keys_hold_no_running_conditions

# Two values that differ, for fields whose annotation does not say what they hold.
VALUES: dict[str, tuple[Any, Any]] = {
    "prompts": (("{}",), ("a photo of {}",)),
    "units": (None, (slice(0, 2),)),
}  # fmt: skip


def classes(base: type[Operator] = Operator) -> Iterator[type[Operator]]:
    for module in pkgutil.iter_modules(clq.ops.__path__, "clq.ops."):
        if not module.ispkg:
            importlib.import_module(module.name)
    todo = list(base.__subclasses__())
    while todo:
        found = todo.pop()
        todo += found.__subclasses__()
        # A class that others derive from only gathers their fields; nothing is planned with it.
        if found.__module__.startswith("clq.ops.") and not found.__subclasses__():
            yield found


CLASSES = sorted(set(classes()), key=lambda c: c.__name__)


def source(number: int) -> Source:
    return Source("dataset", f"content {number}", f"name {number}", None)


def leaf(number: int) -> Operator:
    """An operator that stands for any other: it has every field that somebody reads through an input."""
    return source(number)


def values_of(cls: type[Operator], name: str, annotation: str) -> tuple[Any, Any]:
    """Two different values for a field, by its annotation."""
    if name in VALUES:
        return VALUES[name]
    kinds: dict[str, tuple[Any, Any]] = {"str": ("a", "b"), "int": (3, 4), "float": (0.5, 0.25), "bool": (False, True)}
    plain = annotation.removesuffix(" | None")
    if plain in kinds:
        return kinds[plain]
    if plain.startswith("tuple[Operator") or plain.startswith("tuple[Source"):
        return (source(1), source(2)), (source(1), source(3))
    if plain.startswith("tuple[str"):
        return ("a",), ("a", "b")
    if plain == "Source" or any(c.__name__ == plain for c in (*CLASSES, Operator)):
        return leaf(1), leaf(2)
    return "one", "two"  # the names of choices (Pooling, Crop, Rule)


def example(cls: type[Operator]) -> Operator:
    return cls(**{f.name: values_of(cls, f.name, str(f.type))[0] for f in fields(cls)})


def fields_of_all() -> list[tuple[type[Operator], str, str]]:
    return [(cls, f.name, str(f.type)) for cls in CLASSES for f in fields(cls) if f.compare]


def test_there_are_operators_to_look_at() -> None:
    assert len(CLASSES) > 12
    assert {"PooledActivations", "SoftWPMI", "CropEmbeddings"} <= {c.__name__ for c in CLASSES}


def test_names_of_operators_are_unique() -> None:
    """The name enters the key, not the module: two of one name would answer for each other."""
    names = [c.__name__ for c in CLASSES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_an_operator_is_a_frozen_declaration_with_a_kernel(cls: type[Operator]) -> None:
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert cls.__eq__ is Operator.__eq__ and cls.__hash__ is Operator.__hash__, "declare it with eq=False"
    assert issubclass(cls, Scan | Global)
    assert cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}(")
    if issubclass(cls, Scan):
        assert cls.start.__func__ is not Scan.start.__func__  # type: ignore[attr-defined]
        assert cls.dataset is not Scan.dataset
    elif issubclass(cls, Rowwise):
        assert cls.compute_rows is not Rowwise.compute_rows
        assert cls.identities is not Rowwise.identities and cls.rows_of is not Rowwise.rows_of
    else:
        assert cls.compute is not Global.compute  # type: ignore[attr-defined]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_a_key_is_the_same_twice_and_after_pickling(cls: type[Operator]) -> None:
    first, unkeyed = example(cls), example(cls)
    assert first.key == example(cls).key
    assert first == example(cls) and hash(first) == hash(example(cls))
    assert pickle.loads(pickle.dumps(unkeyed)).key == first.key  # nothing was remembered when this was pickled
    assert pickle.loads(pickle.dumps(first)).key == first.key


@pytest.mark.parametrize(
    ("cls", "name", "annotation"), fields_of_all(), ids=lambda v: v.__name__ if isinstance(v, type) else str(v)
)
def test_changing_any_field_changes_the_key(cls: type[Operator], name: str, annotation: str) -> None:
    before, (_, other) = example(cls), values_of(cls, name, annotation)
    assert replace(before, **{name: other}).key != before.key


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_the_version_is_in_the_key(cls: type[Operator], monkeypatch: pytest.MonkeyPatch) -> None:
    before = example(cls).key
    monkeypatch.setattr(cls, "version", cls.version + 1)
    assert example(cls).key != before


def test_an_operator_that_does_not_say_what_it_couples_couples_everything() -> None:
    """A rule may take apart only what was declared to come apart."""
    assert Operator.couples == Global.couples == Scan.couples == {"units", "words", "images", "k"}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_inputs_and_arguments_are_all_there_is(cls: type[Operator]) -> None:
    operator = example(cls)
    held = {v for f in fields(cls) for v in _flat(getattr(operator, f.name)) if isinstance(v, Operator)}
    assert set(operator.inputs) == held
    assert not any(isinstance(v, Operator) for value in operator.arguments.values() for v in _flat(value))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for v in value:
            yield from _flat(v)
    else:
        yield value


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_no_operator_has_a_running_condition_for_a_field(cls: type[Operator]) -> None:
    banned = {"batch", "batch_size", "device", "workers", "threads", "progress", "memory", "shard"}
    assert not banned & {f.name for f in fields(cls)}


KEYS = """
import os, sys
from clq.engine.operator import Source
from toys import ToyCrops, ToyJoin, ToyScan, ToyTop, images, model

scan = ToyScan(model(), images(), 2)
print(ToyJoin((ToyCrops(model(), images(), ToyTop(scan, 3)), scan), scale=7).key)
"""


def toy_key() -> str:
    scan = ToyScan(model(), images(), 2)
    return ToyJoin((ToyCrops(model(), images(), ToyTop(scan, 3)), scan), scale=7).key


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_key_is_the_same_in_a_fresh_interpreter(start: Callable[..., subprocess.Popen[str]], seed: str) -> None:
    out, problems = start(KEYS, PYTHONHASHSEED=seed).communicate()
    assert out.strip() == toy_key(), problems


def test_a_key_of_today_is_a_key_of_tomorrow() -> None:
    """Pinned: when this changes, every store there is becomes useless. That may be right, but never by accident."""
    assert toy_key() == "ec7d7e86c372c03f8e1823fdf543f8bbae94a33b8011e18b3ec1bfb6717d9035"


def test_the_name_and_the_spec_of_a_source_do_not_enter_its_key() -> None:
    one, other = Source("model", "abc", "labnet", object()), Source("model", "abc", "mine", None)
    assert one.key == other.key
    assert Source("model", "abd").key != one.key
    assert Source("dataset", "abc").key != one.key


def test_the_key_of_an_input_is_in_the_key_of_its_reader() -> None:
    assert ToyTop(ToyScan(model(), images(), 0), 3).key != ToyTop(ToyScan(model(), images(), 1), 3).key


DISTINCT: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 10**30, 0.0, -0.0, 1.0, 0.1, 0.1 + 2e-17, 1e300, float("inf"), "", "0", "1", "1.0",
    "None", "\u00e9", "e\u0301", (),
    (0,), ((0,),), (0, 1), (1, 0), ((0, 1),), ("a", "b"), ("ab",), slice(0, 1), slice(None),
    slice(0, 1, 1), (0, 1, None), ("slice", 0, 1),
)  # fmt: skip


def test_different_arguments_have_different_forms() -> None:
    @dataclass(frozen=True, eq=False)
    class Holder(Global):
        value: Any

    assert len({Holder(value).key for value in DISTINCT}) == len(DISTINCT)


@pytest.mark.parametrize(
    "value",
    [object(), {"a": 1}, {1}, b"bytes", np.float32(1), np.int64(1), np.zeros(2), lambda: 1, range(3), complex(1)],
    ids=lambda v: type(v).__name__,
)
def test_a_type_that_is_not_known_cannot_be_part_of_a_key(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be part of a key"):
        canonical(value)
    with pytest.raises(TypeError, match="cannot be part of a key"):
        canonical((1, (value,)))


def test_an_operator_in_a_list_is_refused_rather_than_forgotten() -> None:
    @dataclass(frozen=True, eq=False)
    class Listing(Global):
        parts: Any

    with pytest.raises(TypeError):
        _ = Listing([ToyScan(model(), images())]).key


def test_operators_are_found_as_inputs_however_deep_they_lie() -> None:
    @dataclass(frozen=True, eq=False)
    class Nested(Global):
        parts: Any

    scan = ToyScan(model(), images())
    assert Nested(((scan, 3), (4, (scan,)))).inputs == (scan, scan)


def test_a_long_chain_and_a_diamond_of_diamonds_have_keys() -> None:
    chain: Operator = ToyScan(model(), images())
    for k in range(3_000):
        chain = ToyTop(chain, k)
    diamonds: Operator = ToyScan(model(), images())
    for k in range(200):
        diamonds = ToyJoin((diamonds, diamonds, ToyTop(diamonds, k)))
    assert len(chain.key) == len(diamonds.key) == 64


def test_a_field_that_is_not_compared_is_not_in_the_key() -> None:
    from dataclasses import field

    @dataclass(frozen=True, eq=False)
    class Loud(Global):
        k: int
        shown: str = field(default="", compare=False)

    assert Loud(1, "a").key == Loud(1, "b").key
    assert "shown" not in Loud(1, "a").arguments


def test_the_spec_notices_a_running_condition() -> None:
    from clq.engine.plan import Compute, Plan

    @dataclass(frozen=True, eq=False)
    class Hasty(Global):
        couples: ClassVar[frozenset[Any]] = frozenset()
        batch: int

    assert keys_hold_no_running_conditions(Plan((), (Compute(Hasty(64)),))) is not None
