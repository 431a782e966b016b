"""Completion, hover, definition, references and outline of texts with `|` at the cursor, most of them unfinished."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clq.lang import check_script
from clq.lang.assist import Completion, complete, definition, hover, path_slot, references, symbols
from clq.lang.parse import parse_all
from clq.lang.scan import CLQ_STARTS, SQL_STARTS
from clq.lang.verbs import QUERY_VERBS, VERBS

ANSWER = " ".join(VERBS["EXPLAIN"].column_names())
TAIL = "WHERE|ORDER BY|LIMIT|INTO"

# text with the cursor -> the labels in order, joined by spaces, or by | where they have spaces; '…' stands for more.
CASES = [
    # ---------------------------------------------------------------- statements
    ("EXPL|", "EXPLAIN"),
    ("expl|", "EXPLAIN"),
    ("EXPLAIN fc OF labnet; EMB|", "EMBED"),
    ("LE|", "LET"),
    ("Sho|", "SHOW"),
    ("SEL|", "SELECT"),
    ("DEFINE tops(n) AS EXPLAIN fc OF labnet; to|", "tops(…)"),
    ("PLAN EX|", "EXPLAIN"),
    ("PLAN ANA|", "ANALYZE"),
    ("DEFINE tops(n) AS EXPL|", "EXPLAIN"),
    ("DEFINE tops(n) |", "AS"),
    # ---------------------------------------------------------------- objects
    ("EXPLAIN | OF labself", "layer3 layer4 labels"),
    ("EXPLAIN lay| OF labself", "layer3 layer4"),
    ("EXPLAIN lay|er9 OF labself USING clip_dissect", "layer3 layer4"),
    ("EXPLAIN features.18.| OF mobilenet_v2", "features.18.0"),
    ("EXPLAIN fea| OF mobilenet_v2, labnet", "features.0.0 features.18.0"),
    ("EXPLAIN lay| OF labself, labtruth", "layer3 layer4"),
    ("EXPLAIN layer4, lay| OF labself", "layer3 layer4"),
    ("EXPLAIN | OF unopened", "labels"),
    ("SET model = labtruth; EXPLAIN |", "single noise labels"),
    ("EXPLAIN lay|", "layer1 layer2 layer3 layer4"),
    ("LET net = torchvision('x'); LET other = labself; EXPLAIN lay| OF other", "layer3 layer4"),
    ("EXPLAIN lay| OF torchvision('x')", ""),
    ("EXPLAIN lay| OF torchvision('x'), labself", "layer3 layer4"),
    ("ATTRIBUTE CL| OF labnet", "CLASS CLASSES"),
    ("ATTRIBUTE CLASS | OF labnet", "'boat' 'car' 'apple'"),
    ("ATTRIBUTE CLASS 'b|' OF labnet", "boat"),
    ("ATTRIBUTE CLASS 'b|", "boat"),
    ("ATTRIBUTE CLASS 'boat', | OF labnet", "'boat' 'car' 'apple' conv1 …"),
    ("ATTRIBUTE CLASS ['boat', | OF labnet", "'boat' 'car' 'apple'"),
    ("EXPLAIN FAILURES OF labnet FOR CLASS |", "'boat' 'car' 'apple'"),
    ("ATTRIBUTE CLASS | OF labself", ""),
    ("EXPLAIN labnet SYN|", ""),
    ("ATTRIBUTE SY|", "SYNSET"),
    ("DISCOVER |", "CONCEPTS"),
    ("DETECT |", "OUTLIERS"),
    ("EVALUATE |", "labels"),
    ("EVALUATE (|", "EXPLAIN …"),
    ("EVALUATE (EXPLAIN la| OF labself) USING", "layer3 layer4 labels"),
    ("EVIDENCE lab|", "labels"),
    ("CLUSTER lab.|", "lab.audit lab.probe"),
    ("CLUSTER |", "lab.audit|lab.probe|photos|folder(…)"),
    ("EMBED wor|", "words(…) lab.words"),
    ("TRAIN lab|", "labnet labself labtruth"),
    # ---------------------------------------------------------------- clause words
    ("EXPLAIN fc |", f"OF|ON|USING|CONTRAST|WITH|CAPTIONED BY|JUDGED BY|{TAIL}"),
    ("EXPLAIN fc OF labnet |", f"ON|USING|CONTRAST|WITH|CAPTIONED BY|JUDGED BY|{TAIL}"),
    ("EXPLAIN fc | OF labnet WITH lab.words", f"ON|USING|CONTRAST|CAPTIONED BY|JUDGED BY|{TAIL}"),
    ("EXPLAIN fc | OF labnet WHERE unit IN (1) LIMIT 3", "ON|USING|CONTRAST|WITH|CAPTIONED BY|JUDGED BY|ORDER BY|INTO"),
    ("EXPLAIN GROUPS |", f"OF|IN|ON|USING|CONTRAST|WITH|CAPTIONED BY|JUDGED BY|{TAIL}"),
    ("EXPLAIN fc OF labnet USING clip_dissect |", f"ON|WITH|JUDGED BY|{TAIL}"),
    ("EXPLAIN fc OF labnet USING clip_dissect(top_k=3) |", f"ON|WITH|JUDGED BY|{TAIL}"),
    ("EXPLAIN fc OF labnet USING clip_dissect, falcon |", f"ON|CONTRAST|WITH|CAPTIONED BY|JUDGED BY|{TAIL}"),
    ("EXPLAIN fc FROM labnet USING |", "clip_dissect falcon netdissect dncbm"),
    ("EXPLAIN fc OF labnet JUDGED |", "BY"),
    ("EXPLAIN fc OF labnet C|", "CONTRAST|CAPTIONED BY"),
    ("DETECT OUTLIERS |", f"OF|IN|ON|FOR|USING|WITH|JUDGED BY|{TAIL}"),
    ("LABEL photos |", f"OF|USING|WITH|JUDGED BY|CHANGING|{TAIL}"),
    ("EVIDENCE labels |", TAIL),
    ("TRANSFER labels TO layer4 |", "OF"),
    ("EVALUATE (EXPLAIN fc |) USING truth", f"OF|ON|USING|CONTRAST|WITH|CAPTIONED BY|JUDGED BY|{TAIL}"),
    ("EVALUATE (EXPLAIN fc OF labnet |", f"ON|USING|CONTRAST|WITH|CAPTIONED BY|JUDGED BY|{TAIL}"),
    ("EVALUATE (EXPLAIN fc OF labnet WITH lab.words) |", f"ON|USING|WITH|JUDGED BY|{TAIL}"),
    # ---------------------------------------------------------------- what clauses take
    ("EXPLAIN fc OF |", "labnet|labself|labtruth|mobilenet_v2|unopened|torchvision(…)|bottleneck(…)"),
    ("EXPLAIN fc OF labnet, labs|", "labself"),
    ("LET net = torchvision('x'); EXPLAIN fc OF n|", "net"),
    ("LET net = torchvision('x', weigths=random); EXPLAIN fc OF n|", "net"),
    ("LET net = torchvision('x'; EXPLAIN fc OF n|", "net"),
    ("LET hard = (SELECT image FROM photos); EXPLAIN fc OF hard|", ""),
    ("LET hard = (SELECT image FROM photos); EXPLAIN fc OF labnet ON ha|", "hard"),
    ("PARAM which = labnet; EXPLAIN fc OF |",
     "labnet|labself|labtruth|mobilenet_v2|unopened|torchvision(…)|bottleneck(…)|$which"),
    ("EXPLAIN fc OF labnet ON |", "lab.audit|lab.probe|photos|folder(…)"),
    ("EXPLAIN fc OF labnet ON photos, lab.p|", "lab.probe"),
    ("EXPLAIN fc OF labnet WITH |", "lab.words words(…)"),
    ("EXPLAIN fc OF labnet WITH [lab.|", "lab.words"),
    ("EXPLAIN fc OF labnet CAPTIONED BY |", "lab.captions"),
    ("EXPLAIN fc OF labnet JUDGED BY |", "labclip"),
    ("EXPLAIN fc OF labnet CONTRAST |", "lab.audit|lab.probe|photos|folder(…)|LOW|RANDOM"),
    ("DISCOVER CONCEPTS IN | OF labself", "layer3 layer4"),
    ("TRACE layer4 IN layer3, | OF labself", "layer3 layer4"),
    ("TRANSFER fc OF labnet TO lay| OF labself", "layer3 layer4"),
    ("TRANSFER lay| OF labself TO fc OF labnet", "layer3 layer4"),
    ("TRANSFER labels TO lay| OF labself ON lab.probe", "layer3 layer4"),
    ("TRANSFER fc TO layer4 OF labself OF labn|", "labnet"),
    ("TRANSFER labels TO layer4 OF labs|", "labself"),
    ("EXPLAIN fc OF labnet USING |", "clip_dissect falcon netdissect dncbm"),
    ("EXPLAIN fc USING | CONTRAST LOW", "falcon clip_dissect netdissect dncbm"),
    ("EXPLAIN fc USING clip_dissect, f|", "falcon"),
    ("DISCOVER CONCEPTS IN fc OF labnet USING |", "craft"),
    ("LABEL photos CHANGING |", ""),
    ("EXPLAIN fc[|] OF labnet", ""),
    ("PARAM k = 3; EXPLAIN fc[|] OF labnet", "$k"),
    ("PARAM k = 3; EXPLAIN fc[0:$|] OF labnet", "$k"),
    ("PARAM k = 3; EXPLAIN fc OF labnet LIMIT |", "$k"),
    # ---------------------------------------------------------------- arguments
    ("EXPLAIN fc USING clip_dissect(|", "top_k= similarity= share= floor= verbose= other= top="),
    ("EXPLAIN fc USING clip_dissect(s|)", "similarity= share="),
    ("EXPLAIN fc USING clip_dissect(top_k=5, | , share=0.5)", "similarity= floor= verbose= other= top="),
    ("EXPLAIN fc USING clip_dissect(5, |)", "similarity=|share=|floor=|verbose=|other=|top=|'soft_wpmi'|'wpmi'|'rank'"),
    ("EXPLAIN fc USING clip_dissect(similarity=|", "soft_wpmi|wpmi|rank|each(…)"),
    ("EXPLAIN fc USING clip_dissect(similarity='r|')", "rank"),
    ("EXPLAIN fc USING clip_dissect(similarity=each(rank, |", "soft_wpmi wpmi rank"),
    ("EXPLAIN fc USING clip_dissect(top_k=|", "100|each(…)"),
    ("EXPLAIN fc USING clip_dissect(verbose=|)", "true|false|each(…)"),
    ("EXPLAIN fc USING clip_dissect(floor=|)", "null|each(…)"),
    ("EXPLAIN fc USING clip_dissect(other=|)", "lab.audit|lab.probe|photos|folder(…)|null|each(…)"),
    ("PARAM k = 3; EXPLAIN fc USING clip_dissect(top_k=$|)", "$k"),
    ("EXPLAIN fc USING clip_dissect(top_k=5 |)", ""),
    ("EXPLAIN fc USING unheard(|)", ""),
    ("LET m = torchvision(|", "name= weights="),
    ("LET m = torchvision('x', weights=|", "default random null"),
    ("LET m = bottleneck(|", "backbone=|labnet|labself|labtruth|mobilenet_v2|unopened|torchvision(…)|bottleneck(…)"),
    ("LET m = bottleneck(backbone=labs|", "labself"),
    ("DEFINE tops(model, n = 3) AS EXPLAIN fc OF $|", "$model $n"),
    ("DEFINE tops(model, n = 3) AS EXPLAIN fc OF $model; tops(m|)", "model= mobilenet_v2"),
    ("DEFINE tops(model, n = 3) AS EXPLAIN fc OF $model; SELECT * FROM tops(model = labnet, |)", "n= …"),
    ("DEFINE tops(n) AS EXPLAIN fc OF labnet; tops(3) WHERE ra|", "rank"),
    # ---------------------------------------------------------------- the tail and SQL
    ("EXPLAIN fc OF labnet WHERE |", ANSWER),
    ("EXPLAIN fc OF labnet WHERE rank = 1 AND sc|", "score"),
    ("EXPLAIN fc OF labnet WHERE (rank = 1 OR con|", "concept"),
    ("EXPLAIN fc OF labnet WHERE rank = 1 |", f"{ANSWER.replace(' ', '|')}|AND|OR|ORDER BY|LIMIT|INTO"),
    ("EXPLAIN fc OF labnet WHERE (rank = 1 |", f"{ANSWER.replace(' ', '|')}|AND|OR"),
    ("EXPLAIN fc OF labnet WHERE rank = 1 O|", "OR|ORDER BY"),
    ("EXPLAIN fc OF labnet ORDER BY sc|", "score"),
    ("EXPLAIN fc OF labnet ORDER BY score D|", "DESC"),
    ("EXPLAIN fc OF labnet ORDER BY score LIM|", "LIMIT"),
    ("DETECT OUTLIERS ON photos WHERE |", " ".join(VERBS["DETECT"].column_names())),
    ("SELECT con| FROM (EXPLAIN fc OF labnet)", "concept"),
    ("SELECT a.con| FROM (EXPLAIN fc OF labnet) AS a, labels b", "a.concept"),
    ("SELECT b.con| FROM (EXPLAIN fc OF labnet) AS a, labels b", "b.concept"),
    ("SELECT | FROM lab.probe", "image scene caption labels"),
    ("SELECT (SELECT | FROM lab.audit) FROM lab.probe", "image class"),
    ("SELECT * FROM lab.|", "lab.audit lab.captions lab.probe lab.words"),
    ("SELECT * FROM photos, lab|", "lab.audit lab.captions lab.probe lab.words labels"),
    ("SELECT * FROM (EXPL|", "EXPLAIN"),
    ("SELECT * FROM (EXPLAIN lay| OF labself)", "layer3 layer4"),
    ("SELECT * FROM (EXPLAIN fc OF labnet USING fal|", "falcon"),
    ("WITH x AS (EXPLAIN fc OF labs|) SELECT 1", "labself"),
    ("EXPLAIN fc[(SELECT un| FROM labels)] OF labnet", "unit units"),
    ("EXPLAIN fc[(SELECT unit FROM lab|", "lab.audit lab.captions lab.probe lab.words labels"),
    ("EXPLAIN fc OF labnet ON photos[(SELECT image FROM photos WHERE im|", "image"),
    # ---------------------------------------------------------------- SET and SHOW
    (
        "SET |",
        "model dataset judge captions vocabulary device precision on_error backend workers memory cache_size seed",
    ),
    ("SET mo|", "model"),
    ("RESET da|", "dataset"),
    ("SET model = labs|", "labself"),
    ("SET judge TO |", "labclip"),
    ("SET device = |", "cpu cuda"),
    ("SET backend = |", "inline processes dask"),
    ("SET precision = |", "float32 bfloat16 float16"),
    ("SHOW ME|", "METHOD METHODS"),
    ("SHOW METHOD |", "clip_dissect falcon netdissect dncbm clip sobol gradcam convis craft"),
    ("SHOW METHODS |", "FOR"),
    ("SHOW METHODS FOR DISC|", "DISCOVER"),
    ("SHOW LAYERS |", "OF"),
    ("SHOW LAYERS OF labs|", "labself"),
    ("SHOW VERB EXPL|", "EXPLAIN"),
    # ---------------------------------------------------------------- nothing
    ("EXPLAIN fc OF labnet -- US|", ""),
    ("EXPLAIN fc /* OF | */", ""),
    ("EXPLAIN fc OF labnet WITH 'lab|'", ""),
    ("SELECT 'EXPL|'", ""),
    ("EXPLAIN fc[0]|", ""),
    ("EXPLAIN fc OF labnet LIMIT 1|", ""),
    ("LET |", ""),
    ("LET net |", ""),
    ("EXPLAN lay| OF labnet", ""),
    ("EXPLAIN fc[0) OF |", ""),
    ("SELECT 1.|", ""),
]  # fmt: skip


def at(marked: str, catalog: Any) -> tuple[str, int]:
    """The text without the cursor, and its place; the catalogue knows what the statements before it make."""
    offset = marked.index("|")
    text = marked.replace("|", "", 1)
    before = text[: text.rfind(";", 0, offset) + 1]
    script, problems = parse_all(before)
    check_script(script, catalog, problems=problems)
    return text, offset


def offered(marked: str, catalog: Any) -> list[Completion]:
    return complete(*at(marked, catalog), catalog)


def labels(marked: str, catalog: Any) -> list[str]:
    return [c.label for c in offered(marked, catalog)]


@pytest.mark.parametrize(("marked", "expected"), CASES, ids=[c[0] for c in CASES])
def test_completion(marked: str, expected: str, catalog: Any) -> None:
    wanted = expected.split("|") if "|" in expected else expected.split()
    found = labels(marked, catalog)
    if wanted[-1:] == ["…"]:
        assert found[: len(wanted) - 1] == wanted[:-1]
        assert len(found) >= len(wanted)
    else:
        assert found == wanted


def test_a_statement_begins_with_a_verb_or_a_word_of_clq_or_sql(catalog: Any) -> None:
    found = labels("|", catalog)
    assert set(found) == QUERY_VERBS | CLQ_STARTS - {"VISUALISE"} | SQL_STARTS
    assert found[0] == "EXPLAIN"


def test_what_is_replaced_is_the_whole_word(catalog: Any) -> None:
    (found,) = offered("EXPLAIN features.1|8.x OF mobilenet_v2", catalog)
    text = "EXPLAIN features.18.x OF mobilenet_v2"
    assert text[: found.start] + found.insert + text[found.end :] == "EXPLAIN features.18.0 OF mobilenet_v2"


@pytest.mark.parametrize(
    ("marked", "label", "made"),
    [
        ("EXPLAIN fc USING clip_dissect(to|)", "top_k=", "EXPLAIN fc USING clip_dissect(top_k=)"),
        ("EXPLAIN fc OF torch|", "torchvision(…)", "EXPLAIN fc OF torchvision("),
        ("ATTRIBUTE CLASS 'b|oat' OF labnet", "boat", "ATTRIBUTE CLASS 'boat' OF labnet"),
        ("ATTRIBUTE CLASS | OF labnet", "'boat'", "ATTRIBUTE CLASS 'boat' OF labnet"),
        ("EXPLAIN fc OF labnet JUD|", "JUDGED BY", "EXPLAIN fc OF labnet JUDGED BY"),
        ("SELECT a.con| FROM labels a", "a.concept", "SELECT a.concept FROM labels a"),
    ],
)
def test_what_is_inserted(marked: str, label: str, made: str, catalog: Any) -> None:
    text = marked.replace("|", "", 1)
    found = next(c for c in offered(marked, catalog) if c.label == label)
    assert text[: found.start] + found.insert + text[found.end :] == made


def test_a_function_has_places_to_fill_in(catalog: Any) -> None:
    (found,) = offered("EXPLAIN fc OF torch|", catalog)
    assert found.snippet == "torchvision('${1:name}')"
    assert found.detail == "makes a model"


def test_a_layer_that_is_no_word_is_written_in_quotes(catalog: Any) -> None:
    from dataclasses import replace

    odd = replace(catalog.find("labself"), name="odd", units={"0": 3, "to out": 4})
    catalog.made["odd"] = odd
    assert [c.insert for c in offered("EXPLAIN | OF odd", catalog)][:2] == ['"0"', '"to out"']


def test_arguments_say_what_they_mean(catalog: Any) -> None:
    found = {c.label: c for c in offered("EXPLAIN fc USING clip_dissect(|", catalog)}
    assert found["top_k="].detail == "int = 100"
    assert "a whole number from 1 on (default 100): how many images count" in found["top_k="].documentation
    assert found["floor="].detail == "float = null"


def test_layers_say_how_many_units_they_have(catalog: Any) -> None:
    found = {c.label: c for c in offered("EXPLAIN lay| OF labnet, labself", catalog)}
    assert found["layer4"].detail == "a layer of labnet, 192 units"
    assert found["layer4"].documentation == "labself, 192 units"


# ------------------------------------------------------------------ hover

HOVERS = [
    ("EXPL|AIN fc OF labnet", "EXPLAIN", "**EXPLAIN**: What does it respond to"),
    ("|EXPLAIN fc OF labnet", "EXPLAIN", "| concept | VARCHAR |"),
    ("EXPLAIN fc OF lab|net", "labnet", "**labnet** is a model"),
    ("EXPLAIN f|c OF labnet", "fc", "**fc** is a layer of labnet: 33 units, 0 to 32"),
    ("EXPLAIN lay|er4 OF labnet, labself", "layer4", "**layer4** is a layer of labself: 192 units"),
    ("EXPLAIN blocks.1.m|lp OF mobilenet_v2", "blocks.1.mlp", "known when it runs"),
    ("TRANSFER fc OF labnet TO laye|r3 OF labself", "layer3", "of labself: 96 units"),
    ("EXPLAIN fc O|F labnet", "OF", "**OF** takes a model"),
    ("EXPLAIN fc US|ING falcon", "USING", "Methods: clip_dissect, falcon"),
    ("EXPLAIN fc CON|TRAST low", "CONTRAST", "Read by: falcon"),
    ("EXPLAIN fc JUDGED B|Y labclip", "BY", "**JUDGED BY** takes a judge"),
    ("EXPLAIN fc OF labnet WH|ERE rank = 1", "WHERE", "| rank | INTEGER |"),
    ("EXPLAIN fc OF labnet IN|TO t", "INTO", "the table, or the file"),
    ("EXPLAIN fc USING clip_d|issect(top_k=3)", "clip_dissect", "- top_k is a whole number from 1 on (default 100)"),
    ("EXPLAIN fc USING fal|con", "falcon", "Reads CONTRAST, WITH, CAPTIONED BY, JUDGED BY."),
    ("EXPLAIN fc USING clip_dissect(top|_k=3)", "top_k", "**top_k** of clip_dissect\n\ntop_k is a whole number from 1"),
    ("EXPLAIN fc USING clip_dissect(top_k=3, sim|ilarity=rank", "similarity", "one of soft_wpmi, wpmi, rank"),
    ("EXPLAIN fc USING clip_dissect(similarity=ra|nk)", "rank", "**similarity** of clip_dissect"),
    ("EXPLAIN fc USING clip_dissect(other=pho|tos)", "photos", "**photos** is a data set"),
    ("LET m = torch|vision('x')", "torchvision", "**torchvision(…)** makes a model"),
    ("LET m = torchvision('x', wei|ghts=random)", "weights", "**weights** of torchvision"),
    ("LET m = torchvision('x'); EXPLAIN fc OF |m", "m", "LET m = torchvision('x')"),
    ("PARAM k = 3; EXPLAIN fc[0:$|k] OF labnet", "$k", "PARAM k = 3"),
    ("DEFINE tops(n) AS EXPLAIN fc OF labnet LIMIT $|n", "$n", "an argument of this query"),
    ("DEFINE tops(n) AS EXPLAIN fc OF labnet; to|ps(3)", "tops", "DEFINE tops(n) AS EXPLAIN fc OF labnet"),
    ("DEFINE tops(n) AS EXPLAIN fc OF labnet; SELECT * FROM to|ps(3)", "tops", "**tops** is a defined query"),
    ("EXPLAIN fc OF labnet WHERE ra|nk = 1", "rank", "**rank** INTEGER, of the answer of EXPLAIN: from 1"),
    ("EXPLAIN fc OF labnet ORDER BY sc|ore", "score", "**score** DOUBLE"),
    ("SELECT con|cept FROM (EXPLAIN fc OF labnet)", "concept", "**concept** VARCHAR"),
    ("SELECT a.con|cept FROM labels AS a", "a.concept", "**concept** VARCHAR, of labels"),
    ("SELECT * FROM lab.pr|obe", "lab.probe", "- columns: image, scene, caption, labels"),
    ("SELECT * FROM (EXPLAIN fc OF lab|net)", "labnet", "**labnet** is a model"),
    ("EXPLAIN fc OF labnet INTO t; SELECT * FROM |t", "t", "EXPLAIN fc OF labnet INTO t"),
    ("SET jud|ge = labclip", "judge", "**judge** is a setting: a judge"),
    ("SET judge = labc|lip", "labclip", "**labclip** is a judge"),
    ("SHOW METHOD fal|con", "falcon", "**falcon** (EXPLAIN)"),
    ("SHOW LAYERS OF lab|net", "labnet", "**labnet** is a model"),
    ("ATTRIBUTE CLA|SS 'boat' OF labnet", "CLASS", "taken by sobol, gradcam"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "word", "told"), HOVERS, ids=[h[0] for h in HOVERS])
def test_hover(marked: str, word: str, told: str, catalog: Any) -> None:
    text, offset = at(marked, catalog)
    found = hover(text, offset, catalog)
    assert found is not None
    assert text[found.span.start : found.span.end] == word
    assert told in found.markdown


@pytest.mark.parametrize(
    "marked",
    ["EXPLAIN fc OF labnet WITH 'lab|net'", "-- lab|net", "EXPLAIN fc[1|0] OF labnet", "EXPLAIN nothing| OF labnet",
     "SELECT unheard| FROM t", "| ", "EXPLAIN fc USING unheard(a|=3)", "EXPLAIN fc OF labnet, |, labself"],
)  # fmt: skip
def test_no_hover(marked: str, catalog: Any) -> None:
    assert hover(*at(marked, catalog), catalog) is None


# ------------------------------------------------------------------ definition and references

# ‹ › around every place that a rename of the name at | changes, the first of which made it.
NAMES = [
    "LET ‹net› = torchvision('x'); EXPLAIN fc OF ‹n|et›",
    "LET ‹ne|t› = torchvision('x'); EXPLAIN fc OF a, ‹net› ON photos; EXPLAIN net.fc OF ‹net› --net\n; SELECT 1",
    "LET ‹tops› = (EXPLAIN fc OF labnet); SELECT ‹tops›.unit, x.tops FROM ‹to|ps› WHERE ‹tops›.rank = 1",
    "LET ‹tops› = (EXPLAIN fc OF labnet); SELECT tops FROM ‹TO|PS› JOIN ‹tops› AS b USING (unit)",
    "LET ‹tops› = (EXPLAIN fc OF labnet); SELECT tops.unit FROM labels AS tops; FROM ‹to|ps›",
    "LET ‹tops› = (EXPLAIN fc OF labnet); WITH tops AS (SELECT 1) SELECT * FROM tops; FROM ‹to|ps›",
    "LET ‹tops› = (EXPLAIN fc OF labnet); EVALUATE ‹to|ps›; SELECT * FROM (EVIDENCE ‹tops›) AS t",
    "LET ‹tops› = (EXPLAIN fc OF labnet); SELECT * FROM labels, ‹t|ops›, (SELECT 1 FROM ‹tops›)",
    'LET ‹"tops"› = (EXPLAIN fc OF labnet); SELECT * FROM ‹"to|ps"›, ‹tops›',
    "LET ‹rank› = lab.words; EXPLAIN fc OF labnet USING clip_dissect(similarity=rank) WITH ‹ra|nk›",
    "LET ‹fc› = (EXPLAIN layer4 OF labnet); EXPLAIN fc OF labnet; EXPLAIN ‹f|c› OF labself",
    "EXPLAIN fc OF labnet INTO ‹t|›; SELECT * FROM ‹t›, ‹t›_evidence; EVIDENCE ‹t›",
    "CREATE TABLE ‹hard› AS SELECT 1; INSERT INTO ‹hard› VALUES (2); DROP TABLE ‹ha|rd›",
    "CREATE OR REPLACE VIEW IF NOT EXISTS ‹hard› AS FROM labels; UPDATE ‹ha|rd› SET hard = 1",
    "PARAM ‹k› = 3; EXPLAIN fc[0:$‹|k›] OF labnet; SELECT $‹k›, k FROM t LIMIT $‹k›",
    "DEFINE ‹tops›(n) AS EXPLAIN fc OF labnet LIMIT $n; ‹to|ps›(3); SELECT * FROM ‹tops›(4) AS tops",
    "DEFINE tops(‹n›, m = 2) AS EXPLAIN fc OF labnet WHERE rank < $‹n› LIMIT $‹|n›; tops(‹n› = 3); PARAM n = 4",
    "DEFINE a(‹n›) AS SELECT $‹n|›; DEFINE b(n) AS SELECT $n; a(‹n› = 1); b(n = 2)",
    "LET ‹net› = torchvision('x'); EXPLAIN fc[0 OF ‹n|et› USING net; SELECT 1",
    "LET ‹both_› = lab.words; EXPLAIN fc OF labnet WITH [‹both_›, lab.words], ‹bo|th_›[0:3]",
]


@pytest.mark.parametrize("marked", NAMES)
def test_references(marked: str, catalog: Any) -> None:
    """From every one of the places the same places are found, and the same name that made it."""
    clean = marked.replace("|", "")
    places, text = [], ""
    for piece in clean.split("‹"):
        if "›" in piece:
            places.append((len(text), len(text) + piece.index("›")))
        text += piece.replace("›", "")
    offset = marked.replace("‹", "").replace("›", "").index("|")
    check_script(*(lambda parsed: (parsed[0], catalog))(parse_all(text)))
    for start in [offset, *(a + (text[a] == '"') for a, _ in places)]:
        assert [(s.start, s.end) for s in references(text, start, catalog)] == places
        made = definition(text, start, catalog)
        assert made is not None
        assert (made.start, made.end) == places[0]


def test_a_name_made_twice_is_the_one_made_last_before(catalog: Any) -> None:
    text = "LET a = labnet; EXPLAIN fc OF a; LET a = labself; EXPLAIN layer4 OF a"
    first, second = definition(text, 30, catalog), definition(text, len(text), catalog)
    assert first is not None
    assert second is not None
    assert (first.start, second.start) == (4, text.index("a = labself"))


@pytest.mark.parametrize("marked", ["EXPLAIN fc OF lab|net", "EXPLAIN fc WITH 'x|'", "-- a|", "SELECT 1|", "|"])
def test_no_definition(marked: str, catalog: Any) -> None:
    assert definition(marked.replace("|", ""), marked.index("|"), catalog) is None


def test_symbols() -> None:
    text = """LET net = torchvision('x'); PARAM k = 3; SET judge = labclip;
DEFINE tops(n) AS EXPLAIN fc OF labnet;
IMPORT 'more.clq';
EXPLAIN fc OF net
  USING clip_dissect INTO labels;
DETECT OUTLIERS ON photos; EXPLAN x; SELECT 1; SHOW MODELS"""
    found = symbols(text)
    assert [(s.name, s.kind) for s in found] == [
        ("net", "name"), ("$k", "parameter"), ("SET judge = labclip", "setting"), ("tops(…)", "definition"),
        ("IMPORT 'more.clq'", "import"), ("labels", "table"), ("DETECT OUTLIERS ON photos", "query"),
        ("EXPLAN x", "other"), ("SELECT 1", "sql"), ("SHOW MODELS", "other"),
    ]  # fmt: skip
    assert all(s.span.start <= s.name_span.start < s.name_span.end <= s.span.end for s in found)
    assert found[5].detail == "EXPLAIN fc OF net USING clip_dissect INTO labels"


# ------------------------------------------------------------------ paths


@pytest.mark.parametrize(
    ("marked", "keyword", "written"),
    [
        ("IMPORT 'names/a|b'", "IMPORT", "names/a"),
        ("IMPORT '|", "IMPORT", ""),
        ("EXPLAIN fc OF labnet ON 'photos/|'", "ON", "photos/"),
        ("EXPLAIN fc OF labnet WITH '20|", "WITH", "20"),
        ("EXPLAIN fc OF labnet CAPTIONED BY 'c|'", "CAPTIONED BY", "c"),
        ("EXPLAIN fc OF labnet WITH ['a|'", "WITH", "a"),
        ("EXPLAIN fc OF labnet INTO 'out|'", "INTO", "out"),
        ("LABEL 'ph|' USING splice", "LABEL", "ph"),
    ],
)
def test_where_a_file_is_named(marked: str, keyword: str, written: str) -> None:
    text, offset = marked.replace("|", ""), marked.index("|")
    found = path_slot(text, offset)
    assert found is not None
    assert (found.keyword, found.written) == (keyword, written)
    assert found.start == offset - len(written)
    assert text[found.end : found.end + 1] in {"'", ""}


@pytest.mark.parametrize("marked", ["EXPLAIN fc|", "ATTRIBUTE CLASS 'bo|'", "SELECT 'a|'", "-- 'a|'", "LET a = '|'"])
def test_where_no_file_is_named(marked: str) -> None:
    assert path_slot(marked.replace("|", ""), marked.index("|")) is None


# ------------------------------------------------------------------ for every text

PIECES = [
    "EXPLAIN", "layer4", "OF", "labnet", "USING", "clip_dissect", "(", ")", "[", "]", "top_k", "=", "100", ",", ";",
    "'", '"', "$k", "$", ".", "*", "WITH", "lab.words", "WHERE", "rank", "<=", "ORDER BY", "SELECT", "FROM", "LET",
    "PARAM", "DEFINE", "AS", "tops", "IMPORT", "'a.clq'", "SHOW", "METHOD", "SET", "model", "TO", "labself", "TRANSFER",
    "CLASS", "'boat'", "EVALUATE", "each", "{", "}", "--", "/*", "*/", "\n", "::", "0:3", "é", "😀", "$$", "EXPLAIN (",
    "PLAN", "DISCOVER CONCEPTS", "IN", "INTO", "t", "t_evidence", "CREATE TABLE", "a.b.c", "E'\\''", "CONTRAST low",
    "JUDGED BY",
]  # fmt: skip
WHOLE = [case[0].replace("|", "", 1) for case in CASES] + [n.replace("‹", "").replace("›", "") for n in NAMES]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Pieces of the language in any order, and queries with pieces cut out, put in or moved."""
    pieces = st.lists(st.sampled_from(PIECES), max_size=12)
    if draw(st.booleans()):
        return draw(st.sampled_from([" ", ""])).join(draw(pieces))
    text = draw(st.sampled_from(WHOLE))
    for _ in range(draw(st.integers(1, 3))):
        a, b = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        text = text[:a] + draw(st.sampled_from(["", *PIECES])) + text[draw(st.sampled_from([a, b])) :]
    return text


@given(text=texts(), source=st.randoms())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_at_every_place_of_any_text_nothing_raises_and_places_are_valid(
    catalog: Any, text: str, source: random.Random
) -> None:
    script, problems = parse_all(text)
    catalog.made.clear()
    check_script(script, catalog, problems=problems)
    for offset in range(-1, len(text) + 2):
        for found in complete(text, offset, catalog):
            assert 0 <= found.start <= min(max(offset, 0), len(text)) <= found.end <= len(text)
            assert found.insert
        told = hover(text, offset, catalog)
        assert told is None or 0 <= told.span.start < told.span.end <= len(text)
        slot = path_slot(text, offset)
        assert slot is None or 0 <= slot.start <= min(offset, len(text)) <= slot.end <= len(text)
    for offset in source.sample(range(len(text) + 1), min(5, len(text) + 1)):
        made, used = definition(text, offset, catalog), references(text, offset, catalog)
        assert made is None or made in used
        assert all(0 <= s.start < s.end <= len(text) for s in used)
        assert all(a.end <= b.start for a, b in pairwise(used))
    for symbol in symbols(text):
        assert 0 <= symbol.span.start <= symbol.name_span.start < symbol.name_span.end <= symbol.span.end <= len(text)


@pytest.mark.parametrize("marked", [c[0] for c in CASES if c[1]])
def test_what_is_offered_leaves_the_same_place(marked: str, catalog: Any) -> None:
    """Taking an offer replaces the word and nothing else; asking again inside it offers it again."""
    text, offset = at(marked, catalog)
    for found in complete(text, offset, catalog)[:4]:
        written = text[: found.start] + found.insert + text[found.end :]
        again = complete(written, found.start + len(found.insert.rstrip("(= ")), catalog)
        if found.kind not in {"clause", "value", "class"} and found.insert[-1] not in "(=\"'":
            assert found.label in {c.label for c in again}
