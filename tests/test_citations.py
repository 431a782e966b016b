"""Whom the things of stdlib cite."""

from __future__ import annotations

import re

import pytest

from clq.lang.citation import Citation
from clq.stdlib import works
from clq.stdlib.catalog import Catalog, methods
from clq.stdlib.models.architectures import torchvision_names

CITED = [m.declaration.citation for m in methods().values()]
CITED += [c for m in methods().values() for c in m.declaration.builds_on]
CITED += [c for c in vars(works).values() if isinstance(c, Citation)]
CITED += list(works.ARCHITECTURES.values())


def test_every_method_is_somebody_s_work() -> None:
    assert [name for name, m in methods().items() if m.declaration.citation is None] == []


def test_every_architecture_of_torchvision_is_somebody_s_work() -> None:
    assert [name for name in torchvision_names() if not works.architecture_works(name)] == []


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("resnet50", "he2016deep"), ("resnext50_32x4d", "xie2017aggregated"), ("wide_resnet50_2", "zagoruyko2016wide"),
        ("efficientnet_v2_s", "tan2021efficientnetv2"), ("efficientnet_b0", "tan2019efficientnet"),
        ("swin_t", "liu2021swin"), ("swin_v2_t", "liu2022swinv2"), ("cifar_resnet20", "he2016deep"),
        ("mobilenet_v2_tf", "sandler2018mobilenetv2"),
    ],
)  # fmt: skip
def test_an_architecture_cites_its_own_paper(name: str, key: str) -> None:
    assert [c.key for c in works.architecture_works(name)] == [key]


def test_keys_are_of_one_work_each() -> None:
    by_key: dict[str, set[Citation]] = {}
    for citation in CITED:
        assert citation is not None
        assert re.fullmatch(r"[a-z0-9]+", citation.key)
        by_key.setdefault(citation.key, set()).add(citation)
    assert [key for key, found in by_key.items() if len(found) > 1] == []


def test_things_of_the_lab_have_only_what_they_are_made_with() -> None:
    catalog = Catalog()
    for name in ("labnet", "lab.probe", "lab.words", "lab.captions"):
        assert catalog.find(name).citations() == ()  # type: ignore[union-attr]
    assert [c.key for c in catalog.find("labclip").citations()] == ["ilharco2021openclip"]  # type: ignore[union-attr]
    assert [c.key for c in catalog.find("wordnet").citations()] == ["miller1995wordnet"]  # type: ignore[union-attr]


def test_published_weights_cite_what_they_were_trained_on() -> None:
    net = Catalog().find("resnet18")
    assert [c.key for c in net.citations()] == ["he2016deep", "torchvision2016", "russakovsky2015imagenet"]  # type: ignore[union-attr]
