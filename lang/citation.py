"""A published work: how people name it in a sentence, and its BibTeX entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

# What the short names of venues stand for, for a list of references.
VENUES: Mapping[str, str] = MappingProxyType(
    {
        "CVPR": "Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition",
        "ECCV": "Proceedings of the European Conference on Computer Vision",
        "ICCV": "Proceedings of the IEEE/CVF International Conference on Computer Vision",
        "ICLR": "International Conference on Learning Representations",
        "ICML": "Proceedings of the International Conference on Machine Learning",
        "NeurIPS": "Advances in Neural Information Processing Systems",
        "BMVC": "Proceedings of the British Machine Vision Conference",
    }
)
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "&%$#_"})


@dataclass(frozen=True)
class Citation:
    """`authors` are written 'Family, Given', organisations without a comma; a last 'others' stands for the rest."""

    key: str
    authors: tuple[str, ...]
    title: str
    venue: str
    year: int
    url: str = ""
    form: Literal["inproceedings", "article", "misc"] = "inproceedings"

    def text(self) -> str:
        """One line: 'Oikarinen and Weng, CLIP-Dissect: …, ICLR 2023'."""
        families = [a.split(",")[0] for a in self.authors]
        named = f"{families[0]} et al." if len(families) > 2 else " and ".join(families)
        return f"{named}, {self.title}, {self.venue} {self.year}"

    def bibtex(self) -> str:
        """The entry; the title keeps its capitals."""
        held_in = {"inproceedings": "booktitle", "article": "journal", "misc": "howpublished"}[self.form]
        fields = {
            "author": " and ".join(a if "," in a or a == "others" else f"{{{a}}}" for a in self.authors),
            "title": f"{{{self.title}}}",
            held_in: VENUES.get(self.venue, self.venue),
            "year": str(self.year),
        }
        lines = [f"  {name} = {{{value.translate(_SPECIAL)}}}" for name, value in fields.items()]
        if self.url:
            lines.append(f"  url = {{{self.url}}}")
        return f"@{self.form}{{{self.key},\n" + ",\n".join(lines) + "\n}"

    def facts(self) -> dict[str, object]:
        """The fields as JSON has them, with the line of text."""
        return {
            "key": self.key, "authors": list(self.authors), "title": self.title, "venue": self.venue,
            "year": self.year, "url": self.url, "text": self.text(),
        }  # fmt: skip

    def __str__(self) -> str:
        return self.text()


def cited(citations: Iterable[Citation | None]) -> tuple[Citation, ...]:
    """Each work once, in the order of first mention."""
    return tuple(dict.fromkeys(c for c in citations if c is not None))
