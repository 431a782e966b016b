"""Every known mistake as a person sees it: tests/lang/snapshots.txt. `pytest --accept` writes it; read it then."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from clq.lang import check_script
from clq.lang.mistakes import MISTAKES
from clq.lang.parse import parse_all

HERE = Path(__file__).parent
SNAPSHOTS = HERE / "snapshots.txt"
# Whole scripts, with several mistakes or with remarks.
SCRIPTS = (
    "EXPLAIN layr4 OF labnet USING clip_dissect(top_kk=3, top='x') WITH lab.wrds WHERE rank <= $k",
    "EXPLAN fc OF labnet;\nEXPLAIN fc FROM labnet USNG falcon;\nEXPLAIN fc[0 OF labnet;\nSELECT 'abc",
    "LET few = lab.prob[0:50];\nEXPLAIN fc OF labnet ON few;\nLET more = lab.probe[0:9];\nEXPLAIN fc OF labnet LIMIT 5",
    "LET both = (EXPLAIN fc OF labnet)",
    "LET labnet = labself;\nEXPLAIN layer4 OF labnet",
    "LET x = lab.probe; LET x = lab.audit; EXPLAIN fc OF labnet ON x",
    "LET m = [labnet, labself]",
    "PARAM k = 3;\nSELECT 1",
    "SET judge = labnet",
    "SET seed = 'x'",
    "SET device = tpu",
    "DEFINE f(layer, n = 3) AS EXPLAIN $layer OF labnet WHERE rank <= $n;\n"
    "f();\nf(fc, m=1);\nf(layr4);\nf(fc) ON lab.probe",
    "DEFINE f() AS SELECT * FROM f()",
    "DEFINE f(a, a) AS EXPLAIN $a OF labnet",
    "DEFINE f() AS EXPLAIN fc OF labnet INTO t",
    "nothing_defined(fc)",
    "folder('photos/')",
    "SELECT * FROM (EXPLAIN fc OF labnet INTO t)",
    "CREATE TABLE t AS SELECT 1;\nEXPLAIN fc OF labnet INTO t",
    "BEGIN;\nINSERT INTO t VALUES (1)",
    "SELECT * FROM (EXPLAIN fc OF labnt) JOIN (EXPLAIN layr4 OF labnet) USING (unit) WHERE score > $cut",
    "EXPLAIN fc OF labnet ON each(lab.probe, lab.audit)",
    "EXPLAIN labels[0:3, 'x'] ON lab.probe[(SELECT image FROM t)] USING falcon(thresold=3)",
    "EVIDENCE lab.probe",
    "EVIDENCE labels USING falcon",
    "EVALUATE labels USING truth",
    "EVALUATE (SELECT 1) USING truth",
    "ATTRIBUTE CLASS 'boot', 7 OF labnet ON lab.probe",
    "ATTRIBUTE SYNSET 'bird' ON lab.probe USING convis JUDGED BY labclip",
    "TRANSFER layer4 OF labnet",
    "TRACE layer4[3] OF labnet",
    "SHOW METHOD falcn",
    "SHOW LAYERS OF labnt",
    "IMPORT 'names.clq'",
    "ATTRIBUTE CLASS 'boot', 77, 'cart' OF labnet ON lab.probe",
    "ATTRIBUTE SYNSET 'bird', 'boat.n.1' ON lab.probe USING convis JUDGED BY labclip",
    "ATTRIBUTE boat OF labnet ON lab.probe",
    "EXPLAIN labnet.layer4",
    "EXPLAIN labnet.layer4 OF labnet",
    "EXPLAIN layer4.3 OF labnet",
    "EXPLAIN layers OF labnet",
    "EXPLAIN layer4 IN labnet",
    "EXPLAIN fc OF labnet ON lab.probe(50)",
    "EXPLAIN fc OF labnet WITH [boat, car]",
    'LET words = ["boat", "car"]',
    "LET x = 3",
    "EXPLAIN fc OF labnet USING falcon CONTRAST 'low'",
    "EXPLAIN fc OF labnet USING falcon CONTRAST lowest",
    "SHOW LAYERS labnet",
    "SHOW METHODS falcon",
    "SHOW METHODS OF labnet",
    "SHOW METHOD",
    "SHOW VERB",
    # pasted with a query, or habits of elsewhere
    "clq> EXPLAIN fc OF labnet;\nclq> EXPLAN fc;",
    "EXPLAIN fc OF labnet\n...>   USING falcon\n...>   FROM lab.probe;",
    "$ clq run tour.clq",
    'clq -c "EXPLAIN fc OF labnet"',
    ">>> con.run('EXPLAIN fc OF labnet')",
    'con = clq.connect("results")',
    "%%clq\nEXPLAIN fc FROM labnet",
    "```clq\nEXPLAIN fc OF labnet;\n```",
    "EXPLAIN fc OF labnet;\nexit",
    "quit()",
    ".tables",
    "\\dt",
    "help EXPLAIN",
    "please EXPLAIN fc FROM labnet",
    "- EXPLAIN fc OF labnet",
    "model: labnet\nlayer: layer4",
    "net = torchvision('resnet18')",
    "labels := EXPLAIN fc OF labnet",
    "EXPLAIN fc OF labnet WITH ‘boat’",
    "EXPLAIN “fc” OF labnet WITH [“boat”, ‘car’] WHERE concept = ‘boat’",
    "EXPLAIN fc OF labnet WITH 'boat’",
    "EXPLAIN fc OF labnet WITH ‘boat'",
    "EXPLAIN fc OF labnet WITH 'it's a boat';\nSELECT 'x'",
)


def shown(text: str, catalog: Any) -> str:
    script, problems = parse_all(text)
    found = check_script(script, catalog, problems=problems)
    assert found, text
    return "\n\n".join(problem.render() for problem in found)


def cases() -> list[str]:
    """Each mistake of the table of syntax, of told.txt and of SCRIPTS, without its marks."""
    table = [text for mistake in MISTAKES for text, _ in mistake.examples]
    told = [case.split("\n  ")[0] for case in (HERE / "told.txt").read_text(encoding="utf-8").split("\n\n")]
    plain = [re.sub("[‹›]", "", text) for text in (*table, *told)]
    return list(dict.fromkeys([*plain, *SCRIPTS]))


def test_every_mistake_looks_as_it_did(request: Any, catalog: Any) -> None:
    blocks = [f"{text}\n\n{shown(text, type(catalog)())}\n" for text in cases()]
    made = "\n" + ("=" * 100 + "\n").join(blocks)
    if request.config.getoption("--accept"):
        SNAPSHOTS.write_text(made, encoding="utf-8")
    assert made == SNAPSHOTS.read_text(encoding="utf-8"), "read the difference; pytest --accept writes the new messages"
    assert len(blocks) >= 80


def test_messages_speak_the_language_of_people() -> None:
    said = ("error[", "warning[", "note[", "  = ")
    lines = SNAPSHOTS.read_text(encoding="utf-8").split("\n")
    text = "\n".join(line for line in lines if line.startswith(said))
    for word in ("Traceback", "UnexpectedToken", "RPAR", "LSQB", "TARGET_VERB", "None", "Span(", "{", "object at"):
        assert word not in text, word
