"""A citation as a sentence names it and as BibTeX reads it."""

from __future__ import annotations

import pytest

from clq.lang.citation import Citation, cited

ONE = Citation("a2001", ("Ada, A.",), "On A & B", "Journal of A 3(1)", 2001, form="article")
TWO = Citation("b2002", ("van der Berg, B.", "Cid, C."), "BigNet: nets", "ICLR", 2002, "https://example.org/x_y")
MANY = Citation("d2003", ("Dee, D.", "Eff, E.", "others"), "Much", "ICML", 2003)
GROUP = Citation("g2004", ("The Group",), "A library", "GitHub", 2004, form="misc")


@pytest.mark.parametrize(
    ("citation", "text"),
    [
        (ONE, "Ada, On A & B, Journal of A 3(1) 2001"),
        (TWO, "van der Berg and Cid, BigNet: nets, ICLR 2002"),
        (MANY, "Dee et al., Much, ICML 2003"),
        (GROUP, "The Group, A library, GitHub 2004"),
    ],
)
def test_text_names_one_or_two_authors_and_else_the_first(citation: Citation, text: str) -> None:
    assert citation.text() == str(citation) == text


def test_bibtex_keeps_capitals_and_names_of_groups_and_escapes_what_tex_reads() -> None:
    assert TWO.bibtex() == (
        "@inproceedings{b2002,\n"
        "  author = {van der Berg, B. and Cid, C.},\n"
        "  title = {{BigNet: nets}},\n"
        "  booktitle = {International Conference on Learning Representations},\n"
        "  year = {2002},\n"
        "  url = {https://example.org/x_y}\n"
        "}"
    )
    assert "author = {Dee, D. and Eff, E. and others}" in MANY.bibtex()
    assert "author = {{The Group}}" in GROUP.bibtex()
    assert "title = {{On A \\& B}}" in ONE.bibtex()
    assert "journal = {Journal of A 3(1)}" in ONE.bibtex()
    assert "url" not in ONE.bibtex()


def test_a_work_is_cited_once_in_the_order_of_first_mention() -> None:
    assert cited([TWO, None, ONE, TWO]) == (TWO, ONE)
