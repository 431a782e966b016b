"""clq cite: by name, for a query, a file or a table; as text, BibTeX and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

import clq
from clq.ui.citing import uses_in
from clq.ui.cli import main

CLIP_DISSECT, FALCON, GRAD_CAM = "oikarinen2023clip", "kalibhat2023identifying", "selvaraju2017gradcam"
OPEN_CLIP, WORDNET, RESNET = "ilharco2021openclip", "miller1995wordnet", "he2016deep"
QUERY = "EXPLAIN layer4[0] OF labnet ON lab.probe[0:20] USING clip_dissect(top_k=5) WITH lab.words"


def cite(*words: str) -> str:
    done = CliRunner().invoke(main.commands["cite"], words, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def keys(*words: str) -> list[str]:
    return [work["key"] for work in json.loads(cite(*words, "--format", "json"))]


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("clip_dissect", [CLIP_DISSECT]),
        ("falcon", [FALCON, GRAD_CAM, WORDNET]),
        ("wordnet", [WORDNET]),
        ("labclip", [OPEN_CLIP]),
        ("open_clip", [OPEN_CLIP]),
        ("torchvision", ["torchvision2016"]),
        ("labnet", []),
        ("lab.probe", []),
        (QUERY, [CLIP_DISSECT, OPEN_CLIP]),
        ("EMBED lab.probe[0:2] JUDGED BY labclip", ["radford2021learning", OPEN_CLIP]),
        ("EXPLAIN layer4 OF labnet, resnet50 ON lab.probe WITH ['boat'], wordnet JUDGED BY labclip",
         [RESNET, "torchvision2016", "russakovsky2015imagenet", CLIP_DISSECT, WORDNET, OPEN_CLIP]),
        ("SELECT * FROM (EXPLAIN fc OF labnet USING falcon) WHERE unit IN (SELECT unit FROM (EXPLAIN fc OF labnet))",
         [FALCON, GRAD_CAM, WORDNET, OPEN_CLIP, CLIP_DISSECT]),
        ("DEFINE f(m) AS EXPLAIN fc OF labnet USING $m; SELECT * FROM f(falcon)",
         [FALCON, GRAD_CAM, WORDNET, OPEN_CLIP]),
        ("DEFINE f(m) AS EXPLAIN fc OF labnet USING $m; SHOW MODELS", []),
        ("LET net = torchvision('vgg16', weights=random, seed=0); SHOW MODELS", []),
        ("LET net = torchvision('vgg16', weights=random, seed=0); SET judge = labclip; "
         "EXPLAIN features.0 OF net ON lab.probe WITH ['boat']",
         ["simonyan2015very", "torchvision2016", CLIP_DISSECT, OPEN_CLIP]),
        ("LET rows = (SELECT unit FROM (EXPLAIN fc OF labnet USING falcon)); FROM rows",
         [FALCON, GRAD_CAM, WORDNET, OPEN_CLIP]),
        ("PLAN EXPLAIN fc OF labnet", [CLIP_DISSECT, OPEN_CLIP]),
    ],
)  # fmt: skip
def test_what_is_used_is_cited(what: str, found: list[str]) -> None:
    assert sorted(keys(what)) == sorted(found)


def test_defaults_are_cited_and_what_has_no_source_is_said() -> None:
    assert cite("EXPLAIN fc OF labnet") == (
        "Oikarinen and Weng, CLIP-Dissect: Automatic Description of Neuron Representations in Deep Vision Networks, "
        "ICLR 2023. https://arxiv.org/abs/2204.10965\n"
        "  for method clip_dissect\n"
        "Ilharco et al., OpenCLIP, Zenodo 2021. https://doi.org/10.5281/zenodo.5143773\n"
        "  for judge labclip\n"
        "nothing is known to cite for model labnet, data set lab.audit, words lab.words\n"
    )


def test_parts_of_a_combined_data_set_are_named() -> None:
    uses = uses_in("EXPLAIN fc OF labnet ON lab.probe[0:9], lab.shifted", None, {})
    assert [use.name for use in uses if use.kind == "dataset"] == ["lab.probe", "lab.shifted"]


def test_bibtex_has_each_work_once_and_says_what_for() -> None:
    text = cite("falcon", "wordnet", "--format", "bibtex")
    assert text.count("@") == 3
    assert "% method falcon, words wordnet\n@article{miller1995wordnet," in text


def test_parameters_fill_holes() -> None:
    assert keys("EXPLAIN fc OF labnet USING $m", "--param", "m=clip_dissect") == [CLIP_DISSECT, OPEN_CLIP]


def test_a_file_is_cited_with_what_it_imports(tmp_path: Path) -> None:
    (tmp_path / "names.clq").write_text("DEFINE named(layer) AS EXPLAIN $layer OF labnet USING falcon;\n")
    script = tmp_path / "all.clq"
    script.write_text("IMPORT 'names.clq';\nSELECT * FROM named(fc);\n")
    assert keys(str(script)) == [FALCON, GRAD_CAM, WORDNET, OPEN_CLIP]


def test_a_table_is_cited_by_what_was_recorded(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with clq.connect(store) as con:
        con.run(f"{QUERY} INTO named")
        con.run("CREATE TABLE mine AS SELECT 1 AS x")
        recorded = con.sql("SELECT DISTINCT kind, name FROM clq.meta.sources ORDER BY kind").arrow().to_pylist()
    assert recorded == [
        {"kind": "dataset", "name": "lab.probe[…]"}, {"kind": "judge", "name": "labclip"},
        {"kind": "model", "name": "labnet"}, {"kind": "vocabulary", "name": "lab.words"},
    ]  # fmt: skip
    assert keys("named", "--store", str(store)) == [CLIP_DISSECT, OPEN_CLIP]
    told = CliRunner().invoke(main.commands["cite"], ["mine", "--store", str(store)])
    assert isinstance(told.exception, clq.Diagnostic)
    assert "tables of" in str(told.exception)


def test_an_answer_that_was_there_before_is_cited_as_a_whole(tmp_path: Path) -> None:
    with clq.connect(tmp_path / "store") as con:
        con.run(f"{QUERY} INTO a")
        con.run(f"{QUERY.replace(' WITH', ', falcon(images=5) WITH')} INTO b")
    assert keys("b", "--store", str(tmp_path / "store")) == [CLIP_DISSECT, FALCON, GRAD_CAM, WORDNET, OPEN_CLIP]


def test_a_table_of_an_older_store_says_that_nothing_was_recorded(tmp_path: Path) -> None:
    with clq.connect(tmp_path / "store") as con:
        con.run(f"{QUERY} INTO a")
    with duckdb.connect(tmp_path / "store" / "clq.duckdb") as client:
        client.execute("DROP TABLE meta.citations")
    told = CliRunner().invoke(main.commands["cite"], ["a", "--store", str(tmp_path / "store")])
    assert isinstance(told.exception, clq.Diagnostic)
    assert told.exception.code == "not-here"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("falcn", "Did you mean falcon?"), ("resnet500", "Did you mean resnet50?"), ("gone.clq", "there is no file"),
        ("EXPLAIN layr4 OF labnet", "Did you mean layer4?"),
    ],
)  # fmt: skip
def test_what_is_nothing_is_told(what: str, said: str) -> None:
    told = CliRunner().invoke(main.commands["cite"], [what])
    assert isinstance(told.exception, clq.Diagnostic)
    assert said in str(told.exception)


def test_neither_torch_nor_duckdb_is_needed_to_cite_a_query() -> None:
    code = (
        f"import sys; from clq.ui.citing import rendered, uses_of; rendered(uses_of({QUERY!r}, {{}}, None), 'text'); "
        "print({'torch', 'duckdb', 'open_clip'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
