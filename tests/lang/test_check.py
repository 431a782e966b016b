"""Queries that mean something: what the checker makes of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clq.lang import Diagnostic, bind, check, parse, resolve
from clq.lang.ast import Call, Let, Query
from clq.lang.checked import CheckedQuery, UnitTarget
from clq.lang.declare import REQUIRED, ConstructorDeclaration, Parameter, Selected
from clq.lang.script import CheckedLet, ScriptChecker


@pytest.fixture
def checked(catalog: Any) -> Any:
    def run(text: str, **parameters: Any) -> CheckedQuery:
        catalog.parameters.update(parameters)
        query = parse(text).statements[-1]
        assert isinstance(query, Query)
        return check(query, catalog)

    return run


def units(query: CheckedQuery) -> list[tuple[str, str, Any]]:
    return [(t.model.name, t.layer, t.units) for t in query.targets]


def test_every_slot_that_nobody_wrote_is_filled_and_recorded(checked: Any) -> None:
    query = checked("EXPLAIN layer4 OF labnet")
    assert units(query) == [("labnet", "layer4", None)]
    assert [m.declaration.name for m in query.methods] == ["clip_dissect"]
    assert [i.thing.name for i in query.images] == ["lab.audit"]
    assert ([w.thing.name for w in query.words], [j.name for j in query.judges]) == (["lab.words"], ["labclip"])
    assert [(d.slot, d.value) for d in query.defaults] == [
        ("method", "clip_dissect"), ("judge", "labclip"), ("dataset", "lab.audit"), ("vocabulary", "lab.words"),
    ]  # fmt: skip
    assert all(d.why for d in query.defaults)


def test_what_is_written_is_no_default(checked: Any) -> None:
    query = checked(
        "EXPLAIN layer4 OF labnet ON lab.probe[0:50] USING falcon CONTRAST low WITH ['boat'] CAPTIONED BY lab.captions "
        "JUDGED BY labclip WHERE rank = 1 ORDER BY score LIMIT 3 INTO t"
    )
    assert query.defaults == ()
    assert (query.images[0].items, query.words[0].thing.made_from) == ((slice(0, 50, None),), "list")
    assert query.contrast.kind == "low"
    (tail,) = query.tails
    assert (tail.where.sql.text, tail.order.sql.text, tail.limit) == ("rank = 1", "score", 3)
    assert (tail.text, query.into, query.into_is_file) == ("WHERE rank = 1 ORDER BY score LIMIT 3", "t", False)


def test_captions_come_with_the_judge(checked: Any) -> None:
    query = checked("EXPLAIN layer4 OF labnet USING falcon")
    assert [c.thing.name for c in query.captions] == ["lab.captions"]
    assert query.words == ()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("layer4[3]", [("labnet", "layer4", (3,))]),
        ("layer4[-1]", [("labnet", "layer4", (191,))]),
        ("layer4[0:64]", [("labnet", "layer4", (slice(0, 64, None),))]),
        ("layer4[::2]", [("labnet", "layer4", (slice(None, None, 2),))]),
        ("layer4[3, 5:9, -2]", [("labnet", "layer4", (3, slice(5, 9, None), 190))]),
        ("layer4[$k, :$k]", [("labnet", "layer4", (7, slice(None, 7, None)))]),
        ("$layer", [("labnet", "layer3", None)]),
        ("layer3, layer4", [("labnet", "layer3", None), ("labnet", "layer4", None)]),
        ("layer4, layer4", [("labnet", "layer4", None)]),
        ("layer*", [("labnet", f"layer{i}", None) for i in range(1, 5)]),
        ("*", [("labnet", n, None) for n in ("conv1", "layer1", "layer2", "layer3", "layer4", "fc")]),
        ('"layer4"', [("labnet", "layer4", None)]),
    ],
)
def test_units(target: str, expected: Any, checked: Any) -> None:
    assert units(checked(f"EXPLAIN {target} OF labnet", k=7, layer="layer3")) == expected


def test_a_star_stops_at_a_dot(checked: Any) -> None:
    query = checked("EXPLAIN features.*.0, blocks.*.mlp OF mobilenet_v2 ON lab.probe WITH lab.words JUDGED BY labclip")
    assert [t.layer for t in query.targets] == ["features.0.0", "features.18.0", "blocks.1.mlp"]


def test_several_layers_of_several_models(checked: Any) -> None:
    query = checked("EXPLAIN layer3, layer4[0] OF labnet, labself")
    assert units(query) == [
        ("labnet", "layer3", None), ("labself", "layer3", None),
        ("labnet", "layer4", (0,)), ("labself", "layer4", (0,)),
    ]  # fmt: skip


def test_layers_that_are_known_only_when_run(checked: Any) -> None:
    query = checked("EXPLAIN visual.proj[900] OF unopened ON lab.probe WITH lab.words JUDGED BY labclip")
    assert units(query) == [("unopened", "visual.proj", (900,))]


def test_units_chosen_by_sql(checked: Any, catalog: Any) -> None:
    catalog.rows_given = [3, 5]
    query = checked("EXPLAIN layer4[(SELECT unit FROM labels)] OF labnet ON lab.probe[(SELECT image FROM lab.probe)]")
    assert units(query) == [("labnet", "layer4", (3, 5))]
    assert query.images[0].items == (3, 5)
    assert catalog.asked == ["SELECT unit FROM labels", "SELECT image FROM lab.probe"]


@pytest.mark.parametrize("target", ["labels", "(SELECT target FROM labels)", "(EXPLAIN fc OF labnet)"])
def test_the_targets_of_an_answer(target: str, checked: Any, catalog: Any) -> None:
    catalog.rows_given = ["layer4[17] OF labnet", "layer3[2] OF labself", "layer4[3] OF labnet", "layer4[17] OF labnet"]
    query = checked(f"EXPLAIN {target} USING falcon")
    assert units(query) == [("labnet", "layer4", (17, 3)), ("labself", "layer3", (2,))]
    assert [m.name for m in query.models] == ["labnet", "labself"]
    assert "SELECT target" in catalog.asked[0] or target != "labels"


def test_rows_that_are_not_known_before_a_run(checked: Any, catalog: Any) -> None:
    catalog.rows_given = None
    assert checked("EXPLAIN labels ON lab.probe WITH lab.words JUDGED BY labclip").targets == ()
    assert units(checked("EXPLAIN fc[(SELECT unit FROM labels)] OF labnet")) == [("labnet", "fc", ())]


def test_arguments_are_bound_with_their_defaults(checked: Any) -> None:
    method = checked(
        "EXPLAIN fc OF labnet USING clip_dissect(5, share=1, similarity='RANK', floor=null, TOP=2)"
    ).methods[0]
    assert dict(method.values) == {
        "top_k": 5, "similarity": "rank", "share": 1.0, "floor": None, "verbose": False, "other": None, "top": 2,
    }  # fmt: skip
    assert method.given == {"top_k", "similarity", "share", "floor", "top"}
    assert method.changed() == {"top_k": 5, "similarity": "rank", "share": 1.0, "top": 2}


def test_arguments_by_name_by_parameter_and_things(checked: Any) -> None:
    method = checked(
        "EXPLAIN fc OF labnet USING clip_dissect(top_k=$k, similarity=wpmi, other=lab.probe)", k=9
    ).methods[0]
    assert (method.values["top_k"], method.values["similarity"], method.values["other"].name) == (
        9,
        "wpmi",
        "lab.probe",
    )


def test_several_methods_and_sweeps(checked: Any) -> None:
    methods = checked(
        "EXPLAIN fc OF labnet USING clip_dissect(top_k=each(10, 30), similarity=each(wpmi, rank)), falcon"
    ).methods
    assert [(m.declaration.name, *m.changed().values()) for m in methods] == [
        ("clip_dissect", 10, "wpmi"), ("clip_dissect", 10, "rank"), ("clip_dissect", 30, "wpmi"),
        ("clip_dissect", 30, "rank"), ("falcon",),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "name", "kind"),
    [
        ("lab.probe", "lab.probe", "dataset"),
        ("lab.words", "lab.words", "vocabulary"),
        ("['boat']", "[boat]", "vocabulary"),
        ("'photos/'", "photos/", "dataset"),
        ("'words.txt'", "words.txt", "vocabulary"),
        ("words('a.txt', key=names)", "words", "vocabulary"),
        ("lab.captions", "lab.captions", "captions"),
    ],
)
def test_embed_takes_images_and_words(source: str, name: str, kind: str, checked: Any) -> None:
    query = checked(f"EMBED {source} JUDGED BY labclip")
    assert (query.source.thing.name, query.source.thing.kind) == (name, kind)
    assert (query.targets, query.images) == ((), ())


def test_words_by_list_file_call_parameter_and_query(checked: Any, catalog: Any) -> None:
    catalog.rows_given = ["boat", None, "car"]
    query = checked(
        "EXPLAIN fc OF labnet WITH lab.words[0:5], ['a', $w], 'b.txt', words('c.npz', key=names), $file, "
        "(SELECT word FROM t)",
        w="x", file="d.txt",
    )  # fmt: skip
    assert [w.thing.name for w in query.words] == ["lab.words", "[a, x]", "b.txt", "words", "d.txt", "[boat, car]"]


def test_settings_fill_slots(checked: Any, catalog: Any) -> None:
    catalog.settings["model"] = catalog.find("labnet")
    query = checked("EXPLAIN layer4[0]")
    assert units(query) == [("labnet", "layer4", (0,))]
    assert ("model", "labnet", "SET model") in [(d.slot, d.value, d.why) for d in query.defaults]


@pytest.mark.parametrize(
    ("tail", "note"),
    [
        ("LIMIT 5", "LIMIT 5 keeps 5 rows of 192 units. For 5 concepts of each unit: WHERE rank <= 5"),
        ("LIMIT $n", "LIMIT 7 keeps 7 rows of 192 units. For 7 concepts of each unit: WHERE rank <= 7"),
        ("WHERE rank = 1 LIMIT 5", None),
        (
            "WHERE rank <= 10",
            "WHERE asks for rank 10, but clip_dissect keeps 5 for each target: USING clip_dissect(top=10)",
        ),
        ("WHERE rank < 6", None),
        ("WHERE rank BETWEEN 2 AND $n",
         "WHERE asks for rank 7, but clip_dissect keeps 5 for each target: USING clip_dissect(top=7)"),
        ("WHERE score > 0.5 AND rank = 1", None),
    ],
)  # fmt: skip
def test_notes(tail: str, note: str | None, checked: Any) -> None:
    query = checked(f"EXPLAIN layer4 OF labnet {tail}", n=7)
    assert [n.message for n in query.notes] == ([note] if note else [])


@pytest.mark.parametrize(
    "condition",
    [
        "concept = 'scene'",
        "(SELECT count(scene) FROM lab.probe) > 3",
        "scene(1) = 2",
        "t.scene = 1",
        "rank = 1",
        "nowhere = 1",
    ],
)
def test_conditions_that_are_left_to_duckdb(condition: str, checked: Any) -> None:
    assert checked(f"EXPLAIN fc OF labnet ON lab.probe WHERE {condition}").tails[0].where.sql.text == condition


def test_values_of_let(catalog: Any) -> None:
    def value(text: str) -> Any:
        statement = parse(f"LET x = {text}").statements[0]
        assert isinstance(statement, Let)
        return resolve(statement.value, None, catalog)

    assert value("labnet").name == "labnet"
    assert value("torchvision('resnet50', weights=null)").made_from == "name='resnet50', weights=None"
    assert value("bottleneck(backbone=torchvision('a'))").kind == "model"
    assert value("['a', 'b']").kind == "vocabulary"
    chosen = value("folder('photos/')[0:5]")
    assert isinstance(chosen, Selected) and chosen.items == (slice(0, 5, None),)


def test_a_named_selection(checked: Any, catalog: Any) -> None:
    assert isinstance(ScriptChecker(catalog).statement(parse("LET few = lab.probe[0:5]").statements[0]), CheckedLet)
    images = checked("EXPLAIN fc OF labnet ON few").images[0]
    assert (images.thing.name, images.items) == ("few", None)
    assert checked("EXPLAIN fc OF labnet ON few[0]").images[0].items == (0,)
    with pytest.raises(Diagnostic, match="few is a data set"):
        checked("EXPLAIN fc OF few")


def test_bind_tells_where_arguments_stand(catalog: Any) -> None:
    text = "folder('photos/')"
    call = parse(text).statements[0]
    assert isinstance(call, Call)
    bound = bind(call, catalog.constructors("dataset")[0], catalog)
    assert dict(bound.values) == {"path": "photos/"}
    assert text[bound.spans["path"].start : bound.spans["path"].end] == "'photos/'"


def test_targets_know_where_they_stand(checked: Any) -> None:
    text = "EXPLAIN conv1, layer4[3] OF labnet"
    target: UnitTarget = checked(text).targets[1]
    assert text[target.span.start : target.span.end] == "layer4[3]"


TOLD = Path(__file__).with_name("told.txt").read_text(encoding="utf-8").split("\n\n")
SEEDS = [re.sub("[‹›]", "", case.split("\n")[0]) for case in TOLD]
WORDS = [
    "labnet",
    "lab.probe",
    "lab.words",
    "labclip",
    "labels",
    "layer4",
    "$k",
    "[3]",
    "'a'",
    "null",
    "each(1, 2)",
    ",",
    "-1",
]
ROWS = [(), None, [1, 2], ["a"], [None], ["layer4[17] OF labnet"], ["CLASS 'a' OF labnet"], ["SELECT 1"], ["x OF y"]]


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 99), st.sampled_from(WORDS)), max_size=2),
    data=st.data(),
)
def test_the_checker_checks_or_tells(catalog: Any, text: str, changes: list[tuple[int, str]], data: Any) -> None:
    tokens = re.findall(r"[\w.*]+|'[^']*'|\s+|.", text)
    for i, word in changes:
        tokens[i % len(tokens)] = word
    text = "".join(tokens)
    value = data.draw(st.sampled_from([3, 2.5, True, None, "layer4", "lab.words", ["a"]]))
    catalog.parameters, catalog.rows_given = {"k": value}, data.draw(st.sampled_from(ROWS))
    try:
        for statement in parse(text).statements:
            if isinstance(statement, Query):
                assert isinstance(check(statement, catalog), CheckedQuery)
    except Diagnostic as mistake:
        assert mistake.span is not None and 0 <= mistake.span.start <= mistake.span.end <= len(text)


@dataclass(frozen=True)
class Tower:
    name: str
    kind: str = "model"

    def layers(self) -> dict[str, int]:
        return {"visual": 8}


@dataclass(frozen=True)
class Seer:
    name: str
    network: Tower | None = None
    kind: str = "judge"

    def as_model(self) -> Tower | None:
        return self.network


def test_a_judge_stands_for_its_network_where_a_model_is_expected(checked: Any, catalog: Any, told: Any) -> None:
    tower = Tower("seer")
    catalog.made = {"seer": Seer("seer", tower), "held": Seer("held")}
    for written in ("seer", "$j"):
        found = checked(f"EXPLAIN visual[7] OF {written} ON lab.probe WITH lab.words JUDGED BY seer", j="seer")
        assert found.models == (tower,) and found.judges == (catalog.made["seer"],)
    problem = told("EXPLAIN visual OF ‹held›", checked)
    assert problem.code == "wrong-kind" and "holds vectors and no network" in problem.message
    problem = told("EXPLAIN visual OF ‹labclip›", checked)
    assert "labclip is a judge; judges come after JUDGED BY" in problem.message
    problem = told("EXPLAIN visual[‹8›] OF seer JUDGED BY seer", checked)
    assert problem.message == "visual of seer has 8 units, 0 to 7"


DRAWN = ConstructorDeclaration(
    "drawn",
    "images in some order",
    (
        Parameter("path", "str", REQUIRED, "the folder"),
        Parameter("shuffled", "bool", False, "in a random order"),
        Parameter("seed", "int", 1, "which order", low=0, only_with=("shuffled", True)),
    ),
    kind="dataset",
)


def test_set_seed_is_the_seed_of_every_call_that_was_given_none(checked: Any, catalog: Any) -> None:
    catalog.constructors = lambda kind=None: [DRAWN]
    text = "EXPLAIN layer4 OF labnet ON drawn('a', true) USING falcon(seed=3), falcon WITH lab.words"
    before = checked(text)
    assert [m.values["seed"] for m in before.methods] == [3, 0] and "seed" not in str(before.defaults)
    catalog.settings["seed"] = 7
    query = checked(text)
    assert [m.values["seed"] for m in query.methods] == [3, 7]
    assert [m.changed() for m in query.methods] == [{"seed": 3}, {"seed": 7}]
    assert query.images[0].thing.made_from.endswith("seed=7")
    set_ = {(d.slot, d.value, d.why) for d in query.defaults if "seed" in d.slot}
    assert set_ == {("seed of falcon", "7", "SET seed"), ("seed of drawn", "7", "SET seed")}
    given = checked("EXPLAIN layer4 OF labnet ON drawn('a', true, seed=0), drawn('b', false) USING clip_dissect")
    assert [p.thing.made_from[-6:] for p in given.images] == ["seed=0", "seed=1"]
    assert not any("seed" in d.slot for d in given.defaults)


def test_an_argument_that_says_nothing_beside_the_others_is_told(checked: Any, catalog: Any, told: Any) -> None:
    catalog.constructors = lambda kind=None: [DRAWN]
    problem = told("EXPLAIN layer4 OF labnet ON drawn('a', false, ‹seed=4›)", checked)
    assert problem.message == "seed counts only with shuffled=true: which order"
