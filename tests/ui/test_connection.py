"""clq from Python: results, counts, SQL over answers, settings, and models that the user brings."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import clq
from clq.ops.preprocess import Preprocess

QUERY = "EXPLAIN layer1 OF labnet ON lab.probe[0:96] USING clip_dissect(top_k=20, top=2) WITH lab.words"


@pytest.fixture
def con(tmp_path: Path) -> clq.Connection:
    with clq.connect(tmp_path / "store") as connection:
        yield connection


def test_a_result_is_arrow_pandas_and_a_duckdb_table(con: clq.Connection, tmp_path: Path) -> None:
    results = con.run(f"{QUERY} INTO named")
    assert results.arrow().num_rows == len(results.df()) == 48
    assert results.tables == ["named", "named_evidence"]
    assert con.sql("SELECT count(*) AS n FROM named").df()["n"].tolist() == [48]
    con.close()
    with duckdb.connect(str(tmp_path / "store" / "clq.duckdb"), read_only=True) as plain:
        assert plain.sql("SELECT count(DISTINCT unit) FROM named").fetchall() == [(24,)]
        how = "SELECT DISTINCT verb, decoded FROM named JOIN meta.runs USING (run)"
        assert plain.sql(how).fetchall() == [("EXPLAIN", 96)]
        assert plain.sql("SELECT count(*) FROM meta.nodes JOIN named USING (run) WHERE unit = 0").fetchall()[0][0] > 0


def test_subject_and_judge_share_one_decode_and_nothing_is_done_twice(con: clq.Connection) -> None:
    con.run(QUERY)
    first = con.counts
    assert (first["decoded"], first["forward labnet"], first["forward labclip"], first["rounds"]) == (96, 96, 96, 1)
    con.run(QUERY.replace("layer1", "layer1, layer2"))
    assert con.counts["forward labnet"] == 192 and con.counts["forward labclip"] == 96
    con.run(QUERY.replace("layer1", "layer2"))
    assert con.counts["forward labnet"] == 192


def test_added_images_and_words_cost_their_share(con: clq.Connection, tmp_path: Path) -> None:
    con.run(QUERY)
    more = QUERY.replace("0:96", "0:120").replace("WITH lab.words", "WITH lab.words, ['zebra crossing', 'snow']")
    before = con.counts
    added = con.run(f"{more} INTO added").df().drop(columns="run")
    spent = {name: count - before.get(name, 0) for name, count in con.counts.items()}
    assert (spent["decoded"], spent["forward labnet"], spent["forward labclip"]) == (24, 24, 24)
    assert spent["texts labclip"] == 1, "snow is a word of lab.words"
    with clq.connect(tmp_path / "fresh") as fresh:
        whole = fresh.run(more).df().drop(columns="run")
    assert added.concept.tolist() == whole.concept.tolist()
    assert added.score.tolist() == pytest.approx(whole.score.tolist(), abs=1e-5)
    assert "24 of them" not in str(con.plan(more)) and "Everything is in the store" in str(con.plan(more))
    third = QUERY.replace("0:96", "0:130")
    assert "120 of them known from earlier runs" in str(con.plan(third))


def test_a_script_is_planned_as_a_whole(con: clq.Connection) -> None:
    con.run(f"{QUERY}; {QUERY.replace('layer1', 'layer3')}; {QUERY.replace('top_k=20', 'top_k=10')}")
    assert (con.counts["decoded"], con.counts["rounds"]) == (96, 1)


def test_a_unit_has_the_same_name_alone_and_among_others(con: clq.Connection) -> None:
    whole = con.run(QUERY).df()
    alone = con.run(QUERY.replace("layer1", "layer1[5, 7]")).df()
    columns = ["unit", "rank", "concept", "score"]
    expected = whole[whole.unit.isin([5, 7])][columns].reset_index(drop=True)
    assert alone[columns].equals(expected)
    assert con.counts["forward labnet"] == 96


def test_answers_are_relations_in_sql_and_let(con: clq.Connection) -> None:
    rows = con.run(
        f"LET small = lab.probe[0:96]; LET tops = ({QUERY.replace('lab.probe[0:96]', 'small')} WHERE rank = 1);"
        "SELECT count(*) AS units, min(rank) AS rank FROM tops"
    ).df()  # fmt: skip
    assert rows.to_dict("records") == [{"units": 24, "rank": 1}]
    nested = con.run(f"SELECT DISTINCT model FROM ({QUERY}) WHERE unit < 3").df()
    assert nested.model.tolist() == ["labnet"]


def test_units_and_images_chosen_by_sql(con: clq.Connection) -> None:
    con.run(f"{QUERY} WHERE rank = 1 INTO named")
    rows = con.run(
        "EXPLAIN layer1[(SELECT unit FROM named WHERE unit < 4)] OF labnet "
        "ON lab.probe[(SELECT image FROM lab.probe WHERE scene = 'water')] "
        "USING clip_dissect(top_k=10, top=1) WITH lab.words"
    ).df()
    assert rows.unit.tolist() == [0, 1, 2, 3]


def test_user_tables_live_in_the_catalogue(con: clq.Connection) -> None:
    con.run("CREATE TABLE notes AS SELECT image, scene FROM lab.probe LIMIT 3; INSERT INTO notes VALUES ('x', 'y')")
    assert con.sql("SELECT count(*) AS n FROM notes").df()["n"].tolist() == [4]
    with pytest.raises(clq.Diagnostic) as caught:
        con.run(f"{QUERY} INTO notes")
    assert caught.value.code == "table-exists"
    assert con.sql("SELECT count(*) AS n FROM notes").df()["n"].tolist() == [4]


def test_into_a_file(con: clq.Connection, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    con.run(f"{QUERY} INTO '{target}'")
    assert duckdb.sql(f"SELECT count(*) FROM '{target}'").fetchall() == [(48,)]
    with pytest.raises(clq.Diagnostic) as caught:
        con.run(f"{QUERY} INTO '{tmp_path / 'out.xyz'}'")
    assert caught.value.code == "file-format"


def test_embed_gives_unit_vectors_of_images_and_words(con: clq.Connection) -> None:
    images = con.run("EMBED lab.probe[0:8] JUDGED BY labclip").df()
    assert list(images.image) == [f"probe/{i:05d}" for i in range(8)]
    words = con.run("EMBED lab.words[0:5] JUDGED BY labclip").df()
    assert words.text.notna().all() and len(words) == 5
    norms = [sum(v * v for v in vector) for vector in [*images.vector, *words.vector]]
    assert norms == pytest.approx([1.0] * 13, abs=1e-5)


def test_progress_is_told_to_a_callback(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    with clq.connect(tmp_path / "s", progress=lambda *told: seen.append(told)) as con:
        con.run(QUERY)
    rounds = [s for s in seen if s[0].startswith("round 1/1")]
    assert rounds[0][1:] == (0, 96) and rounds[-1][1:] == (96, 96)


def test_a_registered_module_is_a_model(con: clq.Connection) -> None:
    import torch

    images: list[int] = []

    class Counting(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv = torch.nn.Conv2d(3, 6, 5)
            self.head = torch.nn.Linear(6, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            images.append(len(x))
            out: torch.Tensor = self.head(self.conv(x).mean((2, 3)))
            return out

    module = Counting()
    con.register("mine", module, Preprocess(32, (0.5,) * 3, (0.5,) * 3))
    query = (
        "EXPLAIN conv, head OF mine ON lab.probe[0:64] USING clip_dissect(top_k=8, top=1) WITH lab.words "
        "JUDGED BY labclip"
    )
    assert len(con.run(query)) == 1 and sum(images) == 64
    con.run(query)
    assert sum(images) == 64, "nothing is computed twice"
    del images[:]
    twice = query.replace("[0:64]", "[100:164]")
    con.run(f"SELECT count(*) FROM ({twice}) AS a, ({twice.replace('top_k=8', 'top_k=4')}) AS b")
    assert sum(images) == 64, "two queries over one layer in one SELECT share its pass"
    del images[:]
    con.run(query)
    assert sum(images) == 0
    images += [64]
    with torch.no_grad():
        module.head.weight.add_(1.0)
    con.register("mine", module, Preprocess(32, (0.5,) * 3, (0.5,) * 3))
    con.run(query)
    assert sum(images) == 128, "other weights are another model"


def test_a_plan_computes_nothing_for_a_subquery_in_a_slot(con: clq.Connection) -> None:
    chosen = QUERY.replace("layer1", "layer2[(SELECT unit FROM named WHERE unit < 3)]")
    text = str(con.plan(f"{QUERY} INTO named; {chosen}"))
    assert "activations layer2 of labnet" in text
    assert con.counts == {}


def test_a_table_of_an_earlier_script_is_an_answer(con: clq.Connection, tmp_path: Path) -> None:
    con.run(f"{QUERY} WHERE unit < 2 AND rank = 1 INTO named")
    again = "EXPLAIN named ON lab.probe[0:96] USING clip_dissect(top_k=10, top=1) WITH lab.words JUDGED BY labclip"
    assert con.run(again).df().unit.tolist() == [0, 1]
    con.close()
    with clq.connect(tmp_path / "store") as later:
        assert later.run(again).df().unit.tolist() == [0, 1]


def test_settings_of_any_kind_are_shown(con: clq.Connection) -> None:
    names = con.run("SET seed = 3; SET judge = labclip; SHOW NAMES").df()
    assert dict(zip(names.name, names.made, strict=True))["seed"] == "3"


def test_a_value_that_no_parameter_takes_is_no_value(con: clq.Connection) -> None:
    for asks in (con.run, con.plan):
        with pytest.raises(clq.Diagnostic, match=r"no \$kk stands here; did you mean \$k\?") as caught:
            asks("PARAM k = 1; SELECT $k AS k", kk=3)
        assert (caught.value.code, caught.value.exit_code) == ("no-parameter", 2)
    assert con.run("PARAM k = 1; SELECT $k AS k", k=3).last.arrow().to_pylist() == [{"k": 3}]
    con.run("DEFINE tops() AS SELECT $most AS most")
    assert con.run("SELECT most FROM tops()", most=2).last.arrow().to_pylist() == [{"most": 2}]


def test_a_registered_name_that_sql_or_clq_has_is_refused(con: clq.Connection) -> None:
    import torch

    how = Preprocess(8, (0.5,) * 3, (0.5,) * 3)
    for name, code in (("select", "reserved-name"), ("LabNet", "reserved-name"), ("resnet50", "reserved-name"),
                       ("my net", "bad-argument"), ("", "bad-argument")):  # fmt: skip
        with pytest.raises(clq.Diagnostic) as caught:
            con.register(name, torch.nn.Identity(), how)
        assert caught.value.code == code, caught.value
        assert name not in con.session.names.made


def test_a_network_that_fails_is_told_at_its_name(con: clq.Connection) -> None:
    import torch

    grey = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU())
    con.register("grey", grey, Preprocess(8, (0.5,) * 3, (0.5,) * 3))
    text = "EXPLAIN \"1\" OF grey ON lab.probe[0:4] USING clip_dissect(top_k=2) WITH ['boat'] JUDGED BY labclip"
    with pytest.raises(clq.Diagnostic, match=r"grey fails on an input \[4, 3, 8, 8\]: .*channels") as caught:
        con.run(text)
    problem = caught.value
    assert (problem.code, problem.exit_code) == ("forward-failed", 1) and problem.span is not None
    assert text[problem.span.start : problem.span.end] == "grey"


def test_answers_that_say_nothing_are_remarked(con: clq.Connection, tmp_path: Path) -> None:
    few = "OF labnet ON lab.probe[0:8] USING clip_dissect(top_k=2, floor=null)"
    nothing = con.run(f"EXPLAIN layer1[(SELECT 1 AS unit WHERE false)] {few} WITH lab.words").last
    assert len(nothing) == 0 and "no unit of layer1 of labnet was selected" in nothing.remarks[-1]
    alone = con.run(f"EXPLAIN layer1[0] {few} WITH ['boat']").last
    assert alone.remarks[-1].startswith("one word alone scores 0 everywhere")
    assert not con.run(f"EXPLAIN layer1[0] {few} WITH ['boat', 'car']").last.remarks
    file = f"{tmp_path}/rows.parquet"
    assert con.run(f"EXPLAIN layer1[0] {few} WITH lab.words INTO '{file}/'").last.remarks[-1] == f"wrote {file}"
    con.run("LET labnet = lab.probe; SELECT 1 AS x")
    assert con.session.remarks == ["labnet hides what clq itself calls labnet; choose another name"]


def test_layers_whose_units_are_not_known_yet_have_the_column(con: clq.Connection) -> None:
    import torch

    con.register("mine", torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), Preprocess(8, (0.5,) * 3, (0.5,) * 3))
    assert "units" in str(con.run("SHOW LAYERS OF mine").last) and "NULL" in str(con.run("SHOW LAYERS OF mine").last)
