"""What is told about queries that parse but mean nothing: LANGUAGE §7, the rows found by the checker, and more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clq.lang import Diagnostic, check, parse, resolve
from clq.lang.ast import Let, Query

Told = Callable[[str, Callable[[str], object]], Diagnostic]

SPECIFIED = (
    (
        "EXPLAIN layer4 OF labnet FOR ‹labnet›", "wrong-kind",
        "labnet is a model; models come after OF. FOR takes what it is done for, such as CLASS 'boat'",
    ),
    (
        "EXPLAIN layer4 OF labnet USING ‹clip_disect›", "unknown-method",
        "EXPLAIN has no method clip_disect. Did you mean clip_dissect? Others: falcon, netdissect, dncbm",
    ),
    (
        "EXPLAIN fc OF labnet USING clip_dissect(‹similarty›=wpmi)", "unknown-argument",
        "clip_dissect has no argument similarty. Did you mean similarity?",
    ),
    (
        "EXPLAIN fc OF labnet USING clip_dissect(top_k=‹'many'›)", "bad-argument",
        "top_k is a whole number from 1 on (default 100): how many images count for a unit",
    ),
    (
        "EXPLAIN ‹layr4› OF labnet", "unknown-layer",
        "labnet has no layer layr4. Did you mean layer4? Its layers: conv1, layer1 … layer4, fc (SHOW LAYERS OF labnet)",
    ),
    ("EXPLAIN layer4[‹700›] OF labnet", "unknown-unit", "layer4 of labnet has 192 units, 0 to 191"),
    (
        "EXPLAIN layer4 OF labnet ON ‹lab.words›", "wrong-kind",
        "lab.words is a vocabulary; vocabularies come after WITH. ON takes images, such as lab.probe",
    ),
    (
        "EXPLAIN layer4 OF labnet ON lab.probe WHERE ‹scene› = 'water'", "unknown-column",
        "EXPLAIN's answer has no column scene; lab.probe has. "
        "To choose images: ON lab.probe[(SELECT image FROM lab.probe WHERE scene = 'water')]",
    ),
    (
        'EXPLAIN fc OF labnet WITH ‹"words.txt"›', "unknown-vocabulary",
        "No vocabulary is called words.txt. Double quotes enclose names, single quotes text: WITH 'words.txt'",
    ),
    (
        "ATTRIBUTE CLASS 'boat' OF labnet ON lab.probe USING ‹convis›", "wrong-kind",
        "convis takes SYNSET, TEXT; for CLASS use sobol, gradcam; for the word: TEXT 'boat' … JUDGED BY labclip",
    ),
    (
        "DETECT OUTLIERS IN ‹photos›", "wrong-kind",
        "photos is a data set; images come after ON: DETECT OUTLIERS ON photos",
    ),
    (
        "‹DISCOVER CONCEPTS› OF labnet FOR CLASS 'boat'", "missing-clause",
        "In which layer? DISCOVER CONCEPTS IN layer4 OF labnet",
    ),
)  # fmt: skip
MORE = (
    ("EXPLAIN ‹layer4› OF mobilenet_v2", "unknown-layer", "mobilenet_v2 has no layer layer4. Its layers: features.0.0, features.18.0, blocks.1.mlp (SHOW LAYERS OF mobilenet_v2)"),
    ("‹EXPLAIN› * OF labnet, labtruth", "missing-clause", "On which images? ON lab.probe (the models' own differ: labnet: lab.audit, labtruth: lab.probe)"),
    ("EXPLAIN ‹layer4›", "missing-clause", "Of which model? EXPLAIN layer4 OF labnet"),
    ("EXPLAIN ‹labnet›", "wrong-kind", "labnet is a model; models come after OF. EXPLAIN takes a target, as in EXPLAIN layer4 OF labnet"),
    ("EXPLAIN layer4 OF ‹labnt›", "unknown-model", "No model is called labnt. Did you mean labnet?"),
    ("EXPLAIN layer4 OF ‹torchvision›", "unknown-model", "No model is called torchvision. torchvision(…) makes one"),
    ("EXPLAIN layer4 OF ‹labclip›", "wrong-kind", "labclip is a judge; judges come after JUDGED BY. OF takes a model, such as labnet"),
    ("EXPLAIN layer4 OF ‹folder('x')›", "wrong-kind", "folder(…) is a data set; images come after ON. OF takes a model, such as labnet"),
    ("EXPLAIN fc OF ‹torchvison›('x')", "unknown-name", "No function is called torchvison. Did you mean torchvision?"),
    ("EXPLAIN fc OF ‹torchvision()›", "missing-argument", "torchvision needs name: the architecture. Write torchvision(name='…')"),
    ("EXPLAIN fc OF labnet ON ‹lab.prob›", "unknown-name", "No data set is called lab.prob. Did you mean lab.probe?"),
    ("EXPLAIN fc OF labnet ON lab.probe, ‹labclip›", "wrong-kind", "labclip is a judge; judges come after JUDGED BY. ON takes images, such as lab.probe"),
    ("EXPLAIN fc OF labnet WITH ‹truth.txt›", "unknown-vocabulary", "No vocabulary is called truth.txt. A file stands in single quotes: WITH 'truth.txt'"),
    ("EXPLAIN fc OF labnet WITH ‹falcon›", "wrong-kind", "falcon is a method; methods come after USING. WITH takes words, such as lab.words"),
    ("EXPLAIN fc OF labnet WITH ‹'gone.txt'›", "unread-file", "There is no gone.txt"),
    ("EXPLAIN fc OF labnet WITH ['a', ‹2›]", "wrong-kind", "A list after WITH holds text: ['boat', 'car']"),
    ("EXPLAIN fc OF labnet USING ‹labclip›", "wrong-kind", "labclip is a judge; judges come after JUDGED BY. USING takes a method, such as clip_dissect"),
    ("EXPLAIN fc OF labnet USING ‹sobol›", "unknown-method", "sobol is a method of ATTRIBUTE. EXPLAIN has clip_dissect, falcon, netdissect, dncbm"),
    ("EXPLAIN fc OF labnet USING ‹wpmi›", "unknown-method", "EXPLAIN has no method wpmi. Its methods: clip_dissect, falcon, netdissect, dncbm"),
    ("EXPLAIN fc OF labnet USING clip_dissect(top_k=‹0›)", "bad-argument", "top_k is a whole number from 1 on (default 100): how many images count for a unit"),
    ("EXPLAIN fc OF labnet USING clip_dissect(top_k=‹2.5›)", "bad-argument", "top_k is a whole number from 1 on (default 100): how many images count for a unit"),
    ("EXPLAIN fc OF labnet USING clip_dissect(top_k=‹true›)", "bad-argument", "top_k is a whole number from 1 on (default 100): how many images count for a unit"),
    ("EXPLAIN fc OF labnet USING clip_dissect(top_k=‹null›)", "bad-argument", "top_k is a whole number from 1 on (default 100): how many images count for a unit"),
    ("EXPLAIN fc OF labnet USING clip_dissect(share=‹1.5›)", "bad-argument", "share is a number from 0 to 1 (default 0.5): a share"),
    ("EXPLAIN fc OF labnet USING clip_dissect(verbose=‹1›)", "bad-argument", "verbose is true or false (default false): says more"),
    ("EXPLAIN fc OF labnet USING clip_dissect(similarity=‹wpm›)", "bad-argument", "similarity is one of soft_wpmi, wpmi, rank (default soft_wpmi): how words are compared. Did you mean wpmi?"),
    ("EXPLAIN fc OF labnet USING clip_dissect(top_k=5, ‹top_k=6›)", "bad-argument", "top_k stands twice"),
    ("EXPLAIN fc OF labnet USING clip_dissect(5, ‹top_k=6›)", "bad-argument", "top_k stands twice"),
    ("EXPLAIN fc OF labnet USING netdissect(‹5›)", "unknown-argument", "netdissect takes no arguments"),
    ("EXPLAIN fc OF labnet USING clip_dissect(other=‹lab.words›)", "wrong-kind", "lab.words is a vocabulary; vocabularies come after WITH. other takes images, such as lab.probe"),
    ("EXPLAIN fc OF labnet USING clip_dissect(top_k=‹$k›)", "no-parameter", "$k has no value: write PARAM k = … before, or --param k=…"),
    ("EXPLAIN fc OF labnet ‹CONTRAST› low", "unexpected", "clip_dissect reads no CONTRAST; falcon does"),
    ("EXPLAIN fc OF labnet USING clip_dissect ‹CAPTIONED› BY lab.captions", "unexpected", "clip_dissect reads no CAPTIONED BY; falcon does"),
    ("EXPLAIN fc OF labnet ‹CHANGING› water = 1", "unexpected", "EXPLAIN reads no CHANGING. It reads OF, IN, ON, FOR, USING, CONTRAST, WITH, CAPTIONED BY, JUDGED BY"),
    ("EXPLAIN ‹GROUPS› IN layer4 OF labnet", "not-here", "EXPLAIN GROUPS does not exist in this version. What EXPLAIN takes: units of a layer"),
    ("EXPLAIN ‹CLASS 'boat'› OF labnet", "not-here", "EXPLAIN CLASS does not exist in this version. What EXPLAIN takes: units of a layer"),
    ("EXPLAIN ‹MODEL labnet›", "wrong-kind", "The model comes after OF: EXPLAIN layer4 OF labnet"),
    ("‹EVALUATE› labels USING truth", "not-here", "No method of EVALUATE exists in this version; verbs with methods: ATTRIBUTE, DETECT, DISCOVER, EMBED, EXPLAIN"),
    ("‹top_words›(labnet) WHERE rank = 1", "not-here", "Defined queries such as top_words(…) cannot be called in this version: write the query out"),
    ("EXPLAIN layer4[‹-193›] OF labnet", "unknown-unit", "layer4 of labnet has 192 units, 0 to 191"),
    ("EXPLAIN layer4[3, ‹192›] OF labnet", "unknown-unit", "layer4 of labnet has 192 units, 0 to 191"),
    ("EXPLAIN layer4[‹200:300›] OF labnet", "unknown-unit", "layer4 of labnet has 192 units, 0 to 191; this slice takes none"),
    ("EXPLAIN layer4[‹'a'›] OF labnet", "unknown-unit", "Units of a layer are numbers: layer4[0:64]"),
    ("EXPLAIN layer4[‹::0›] OF labnet", "bad-argument", "The step of a slice cannot be 0"),
    ("EXPLAIN ‹block*› OF labnet", "unknown-layer", "No layer of labnet matches block*. Its layers: conv1, layer1 … layer4, fc (SHOW LAYERS OF labnet)"),
    ("EXPLAIN ‹layer*› OF unopened", "unknown-layer", "The layers of unopened are known only when it runs: write their names instead of layer*"),
    ("EXPLAIN ‹layer4› OF labnet, labtruth", "unknown-layer", "labtruth has no layer layer4. Its layers: single, noise (SHOW LAYERS OF labtruth)"),
    ("EXPLAIN fc OF labnet LIMIT ‹$n›", "no-parameter", "$n has no value: write PARAM n = … before, or --param n=…"),
    ("‹EXPLAIN› features.18.0 OF mobilenet_v2", "missing-clause", "Which judge? JUDGED BY labclip"),
    ("‹EMBED› lab.probe", "missing-clause", "Which judge? JUDGED BY labclip"),
    ("EXPLAIN fc OF labnet ON ‹(SELECT image FROM t)›", "not-here", "Images chosen by SQL are selected from a data set: ON lab.probe[(SELECT image FROM …)]"),
    ("EXPLAIN labels‹[3]›", "not-here", "Selecting from an answer does not exist in this version: write (SELECT target FROM … WHERE …)"),
    ("EXPLAIN ‹labels›", "empty-data", "No targets are left here: the query gave no rows"),
)  # fmt: skip


def _check(text: str, catalog: Any) -> object:
    query = parse(text).statements[0]
    assert isinstance(query, Query)
    return check(query, catalog)


@pytest.mark.parametrize(("marked", "code", "message"), SPECIFIED, ids=[c[0] for c in SPECIFIED])
def test_specified_mistakes(marked: str, code: str, message: str, told: Told, catalog: Any) -> None:
    mistake = told(marked, lambda text: _check(text, catalog))
    assert (mistake.code, mistake.message) == (code, message)


@pytest.mark.parametrize(("marked", "code", "message"), MORE, ids=[c[0] for c in MORE])
def test_further_mistakes(marked: str, code: str, message: str, told: Told, catalog: Any) -> None:
    mistake = told(marked, lambda text: _check(text, catalog))
    assert (mistake.code, mistake.message) == (code, message)


@pytest.mark.parametrize(
    ("marked", "code"),
    [
        ("LET x = ‹nothing›", "unknown-name"),
        ("LET x = ‹'photos/'›", "wrong-kind"),
        ("LET x = ‹3›", "wrong-kind"),
        ("LET x = folder(‹3›)", "bad-argument"),
        ("LET x = ‹folder(each('a', 'b'))›", "bad-argument"),
        ("LET x = bottleneck(backbone=‹lab.probe›)", "wrong-kind"),
    ],
)
def test_mistakes_in_values(marked: str, code: str, told: Told, catalog: Any) -> None:
    def run(text: str) -> object:
        statement = parse(text).statements[0]
        assert isinstance(statement, Let)
        return resolve(statement.value, None, catalog)

    assert told(marked, run).code == code
