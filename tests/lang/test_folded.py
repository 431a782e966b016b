"""Names in any case, as SQL has them."""

from __future__ import annotations

import pytest

from clq.lang.folded import Folded


def test_a_name_is_found_in_any_case_and_keeps_its_spelling() -> None:
    names = Folded({"Few": 1})
    assert names["few"] == names.get("FEW") == 1 and "fEw" in names and list(names) == ["Few"]
    assert names.get("more") is None and "more" not in names
    with pytest.raises(KeyError):
        names["more"]


def test_another_spelling_takes_its_place() -> None:
    names = Folded({"a": 1})
    names["A"] = 2
    assert list(names.items()) == [("A", 2)] and names["a"] == 2
    names.setdefault("a", 3)
    assert names["A"] == 2 and names.setdefault("b", 4) == 4


def test_a_name_goes_in_any_case() -> None:
    names = Folded({"a": 1, "b": 2})
    assert names.pop("A") == 1 and names.pop("A", 7) == 7
    del names["B"]
    assert not names and "b" not in names
    names["B"] = 3
    assert list(Folded(names)) == ["B"]
    names.clear()
    assert "B" not in names and not names
