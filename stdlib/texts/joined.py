"""Parts of word lists and several lists as one: `words[0:100]`, `WITH lab.words, 'more.txt'`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...engine.fingerprint import Fingerprints
from ...engine.operator import canonical, digest
from ...lang.declare import Kind, part_of
from ...lang.diagnostic import Diagnostic
from ..things import Texts

Item = int | str | slice


@dataclass(frozen=True)
class Joined:
    """Texts of several sources, each whole or a selection by number or by the text itself; repeats count once."""

    parts: tuple[tuple[Texts, tuple[Item, ...] | None], ...]

    def fingerprint(self, known: Fingerprints) -> str:
        return digest(
            [
                [t.spec.fingerprint(known), None if items is None else [canonical(i) for i in items]]
                for t, items in self.parts
            ]
        )

    def open(self, device: str) -> Joined:
        return self

    def texts(self) -> Sequence[str]:
        return list(dict.fromkeys(text for source, items in self.parts for text in _chosen(source, items)))

    def synonyms(self) -> Mapping[str, str]:
        out: dict[str, str] = {}
        for source, _ in self.parts:
            find = getattr(source.spec, "synonyms", None)
            if find:
                out |= find()
        return out

    def describe(self) -> dict[str, str]:
        return {"texts": str(len(self.texts())), "origin": ", ".join(t.name for t, _ in self.parts)}


def _chosen(source: Texts, items: tuple[Item, ...] | None) -> list[str]:
    texts = list(source.spec.open("cpu").texts())
    if items is None:
        return texts
    out: list[str] = []
    known = set(texts)
    for item in items:
        if isinstance(item, slice):
            out += texts[item]
        elif isinstance(item, int) and -len(texts) <= item < len(texts):
            out.append(texts[item])
        elif isinstance(item, str) and item in known:
            out.append(item)
        else:
            about = (part_of(source.name, items), source.name)
            raise Diagnostic("unknown-name", f"{source.name} has no text {item}", about=about)
    return out


def join(parts: Sequence[tuple[Texts, tuple[Item, ...] | None]], what: Kind) -> Texts:
    """One list from several and from selections; a single whole one stays itself."""
    if len(parts) == 1 and parts[0][1] is None:
        return parts[0][0]
    return Texts(" + ".join(t.name + ("" if i is None else "[…]") for t, i in parts), Joined(tuple(parts)), what)
