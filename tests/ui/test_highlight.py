"""Colours of clq text, held against the parser: what it takes for a keyword is one in editors, and nothing else is."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lark import Lark
from lark.lexer import Lexer, PatternStr
from pygments.token import Comment, Error, Keyword, Name, String, Text, _TokenType

from clq.lang import ast, parse
from clq.lang.diagnostic import Diagnostic
from clq.lang.scan import Code
from clq.ui.editors.textmate import GRAMMAR, grammar_text
from clq.ui.highlight import SCOPES, ClqLexer, grammar_words

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "lang"))
from generate import Writer  # noqa: E402

FILES = [REPOSITORY / "tests" / "lang" / "queries.clq", *sorted((REPOSITORY / "queries").glob("*.clq"))]

# An example for every keyword terminal of the grammar, in which it is one.
KEYWORDS = """
LET net = torchvision('resnet18', weights=null);
PARAM k = 5; SET judge TO labclip; SET seed = 3; RESET judge; IMPORT 'names.clq';
DEFINE f(layer, n = 3) AS EXPLAIN $layer OF labnet WITH words('w.txt', all=true, both=false) LIMIT $n;
SHOW METHODS FOR EXPLAIN; PLAN ANALYZE EXPLAIN fc OF labnet; PLAN SELECT 1; PLAN EXPLAIN GROUPS IN fc; PLAN f(fc);
DEFINE odd(images) AS DETECT OUTLIERS ON $images; SET seed TO .5;
EXPLAIN layer1, fc[0:3] OF labnet ON lab.probe FOR CLASS 'boat' USING falcon CONTRAST low WITH lab.words
  CAPTIONED BY lab.captions JUDGED BY labclip WHERE rank = 1 ORDER BY unit LIMIT 3 INTO t;
EXPLAIN GROUPS IN layer4 OF labnet CONTRAST RANDOM; EXPLAIN FAILURES OF labnet; ATTRIBUTE CLASSES OF labnet;
EXPLAIN GROUP layer4[3, 17] OF labnet; EXPLAIN FAILURE 'car as boat' OF labnet;
ATTRIBUTE SYNSET 'bird.n.01', TEXT 'a boat' ON 'photo.jpg'; REPORT MODEL labnet;
DISCOVER CONCEPTS IN layer4 OF labnet; DETECT OUTLIERS ON lab.probe;
TRANSFER labels TO layer4 OF labself; LABEL lab.probe CHANGING water = 0
"""

# No word is reserved: here they are names, columns, arguments, or parts of text.
NAMES = [
    "SELECT label, text, class, groups, model FROM answers WHERE label IS NULL AND text = 'EXPLAIN'",
    "SELECT t.of, t.explain, count(label) FROM t GROUP BY label ORDER BY label DESC",
    "EXPLAIN explain OF low WITH folder(on='x', of='y', to='z')",
    "EXPLAIN features.in.0, blocks.*.with OF net.of",
    "LET text = lab.words; LET class = lab.probe; PARAM model = 'x'",
    "LABEL photos USING splice(by=of, with=1)",
    "(label); SELECT (cluster + 1) FROM t",
    "SELECT explain, report GROUP BY explain, group_size",
]
# Each holds EXPLAIN, WITH and of, and none of them is a word of the language.
TEXTS = [
    "SELECT 'EXPLAIN it''s WITH of'", "SELECT E'EXPLAIN it\\'s WITH of'", "SELECT $$EXPLAIN ' WITH of$$",
    "SELECT $a$EXPLAIN $$ WITH\nof$a$", 'SELECT "EXPLAIN ""WITH"" of" FROM t', "SELECT 1 -- EXPLAIN WITH 'of",
    "SELECT /* EXPLAIN /* WITH */ of */ 1", "SELECT 'EXPLAIN\nWITH of\n'", "SELECT 1 /* EXPLAIN\nWITH\nof */",
]  # fmt: skip


def spans_of_names(script: ast.Script) -> Iterator[tuple[int, int]]:
    """Everything in clq statements that is a name, a value or a piece of SQL."""
    for node in ast.walk(script.statements):
        if isinstance(node, ast.Name | ast.Parameter | ast.Constant | ast.Slice | ast.Change):
            yield node.span.start, node.span.end
        elif isinstance(node, ast.Sql):
            edges = [node.span.start, *(e for i in node.islands for e in (i.span.start, i.span.end)), node.span.end]
            yield from zip(edges[::2], edges[1::2], strict=True)
        elif isinstance(node, ast.Into):
            yield node.span.start + len("INTO"), node.span.end
        for field in ("name_span", "setting_span", "what_span", "path_span"):
            span = getattr(node, field, None)
            if span is not None:
                yield span.start, span.end
        if isinstance(node, ast.Define):  # formals have no places of their own
            before = script.text.rindex(")", node.span.start, node.body.span.start)
            yield node.name_span.start, before


def read(text: str) -> tuple[dict[int, str], dict[int, str]]:
    """The words of clq statements by their place: those that are keywords to the parser, and those that are names."""
    script = parse(text, None, {"top_words"})
    code = Code(text)
    names = list(spans_of_names(script))
    keywords, others = {}, {}
    for token in code.tokens:
        if token.kind != "word":
            continue
        inside = any(start <= token.start < end for start, end in names)
        (others if inside else keywords)[token.start] = token.text
    return keywords, others


def kinds(text: str) -> dict[int, _TokenType]:
    """The Pygments token of every character."""
    out = {}
    for start, token, value in ClqLexer().get_tokens_unprocessed(text):
        out.update(dict.fromkeys(range(start, start + len(value)), token))
    assert len(out) == len(text), "every character belongs to one token"
    return out


def in_sql(text: str) -> list[tuple[int, int]]:
    script = parse(text, None, {"top_words"})
    return [(n.span.start, n.span.end) for n in ast.walk(script.statements) if isinstance(n, ast.Sql)]


def texts_of_files() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in FILES]


@pytest.mark.parametrize("text", [KEYWORDS, *texts_of_files()], ids=["keywords", *(p.name for p in FILES)])
def test_what_the_parser_takes_for_a_keyword_is_coloured_as_one(text: str) -> None:
    keywords, others = read(text)
    found = kinds(text)
    assert {f"{word} at {at}" for at, word in keywords.items() if found[at] not in Keyword} == set()
    sql = in_sql(text)
    names = {at: word for at, word in others.items() if not any(a <= at < b for a, b in sql)}
    allowed = {*SCOPES} - {"verb", "keyword", "sql"}
    wrong = {SCOPES[k][1] for k in ("verb", "keyword", "sql")} - {SCOPES[k][1] for k in allowed}
    shown = {at for at in names if text[:at].rstrip().upper().endswith("SHOW")}  # SHOW METHODS: a name to the grammar
    assert {f"{word} at {at}" for at, word in names.items() if found[at] in wrong and at not in shown} == set()


def test_every_keyword_terminal_of_the_grammar_has_its_example() -> None:
    grammar = (REPOSITORY / "lang" / "grammar.lark").read_text(encoding="utf-8")
    lexer = type("NoLexer", (Lexer,), {"__future_interface__": 2, "__init__": lambda self, conf: None, "lex": None})
    patterns = [t.pattern for t in Lark(grammar, parser="lalr", lexer=lexer).terminals]
    words = {p.value.upper() for p in patterns if isinstance(p, PatternStr) and p.value.isalpha()}
    assert grammar_words() == words
    keywords, _ = read(KEYWORDS)
    constants = ("true", "false", "null")  # values to the parser, so no part of `keywords`
    assert words - {word.upper() for word in keywords.values()} == {word.upper() for word in constants}
    found = kinds(KEYWORDS)
    assert all(found[KEYWORDS.index(f"={word}") + 1] in Keyword.Constant for word in constants)


def test_nearly_every_keyword_of_texts_that_the_grammar_makes_is_coloured() -> None:
    """Nearly: no regular expression sees that `, classes` is a kind here and a column there."""
    missed, total = [], 0
    for seed in range(150):
        text = Writer(random.Random(seed), comments=False).script()
        try:
            keywords, _ = read(text)
        except Diagnostic:
            continue
        found = kinds(text)
        total += len(keywords)
        missed += [f"{text[max(0, at - 30) : at]}‹{word}›" for at, word in keywords.items() if found[at] not in Keyword]
    assert total > 400
    assert len(missed) < total / 100, missed


@pytest.mark.parametrize("text", NAMES)
def test_a_word_of_the_language_can_be_a_name(text: str) -> None:
    found = kinds(text)
    words = {"label", "text", "class", "groups", "model", "of", "explain", "low", "on", "to", "by", "with", "cluster"}
    lower = [t for t in Code(text).tokens if t.text in words]
    assert lower
    assert [t.text for t in lower if found[t.start] in Keyword] == []


@pytest.mark.parametrize("text", TEXTS)
def test_text_and_comments_are_never_keywords(text: str) -> None:
    found = kinds(text)
    for word in ("EXPLAIN", "WITH", "of"):
        kind = found[text.index(word)]
        assert kind in String or kind in Comment or kind is Name
    assert found[0] in Keyword


@pytest.mark.parametrize("text", [KEYWORDS, *NAMES, *TEXTS, *texts_of_files()])
def test_nothing_that_can_be_written_is_an_error(text: str) -> None:
    assert Error not in kinds(text).values()


def test_what_is_not_finished_is_coloured_all_the_same() -> None:
    """As while typing: no text can make the lexer fail or lose a character."""
    whole = texts_of_files()[0][:3000]
    for end in range(0, len(whole), 7):
        assert "".join(v for _, _, v in ClqLexer().get_tokens_unprocessed(whole[:end])) == whole[:end]
    assert kinds("EXPLAIN")[0] in Keyword and kinds("explain lay")[0] in Keyword
    assert kinds("SELECT `x`")[7] is Error


def test_the_grammar_for_editors_is_the_table_of_today(accept: bool) -> None:
    if accept:
        GRAMMAR.write_text(grammar_text(), encoding="utf-8")
    assert GRAMMAR.read_text(encoding="utf-8") == grammar_text(), "run with --accept"


def test_the_extension_names_files_that_are_there() -> None:
    folder = GRAMMAR.parents[1]
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    language, grammar = package["contributes"]["languages"][0], package["contributes"]["grammars"][0]
    for name in (package["main"], language["configuration"], grammar["path"]):
        assert (folder / name).is_file()
    assert grammar["scopeName"] == json.loads(GRAMMAR.read_text(encoding="utf-8"))["scopeName"]
    configuration = json.loads((folder / language["configuration"]).read_text(encoding="utf-8"))
    assert configuration["comments"]["lineComment"] == "--"
    command = package["contributes"]["configuration"]["properties"]["clq.command"]["default"]
    assert command == ["clq", "lsp"]


# ------------------------------------------------------------ the engine of VS Code


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """node, and the environment in which it finds vscode-textmate and vscode-oniguruma."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None:
        pytest.skip("node and npm are not here")
    folder = tmp_path_factory.mktemp("npm")
    env = {**os.environ, "PATH": path}
    done = subprocess.run(
        [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error",
         "vscode-textmate@9", "vscode-oniguruma@2"],
        env=env, cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip("npm cannot fetch vscode-textmate")
    return node, {**env, "NODE_PATH": str(folder / "node_modules")}


def scopes_of(texts: list[str], engine: tuple[str, dict[str, str]]) -> list[dict[int, str]]:
    node, env = engine
    done = subprocess.run(
        [node, str(Path(__file__).with_name("textmate.js"))], env=env, capture_output=True, text=True, timeout=120,
        input=json.dumps({"grammar": str(GRAMMAR), "texts": texts}),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = []
    for tokens in json.loads(done.stdout):
        out.append({at: scopes[-1] if scopes else "" for a, b, scopes in tokens for at in range(a, b)})
    return out


def test_editors_colour_as_pygments_does(engine: tuple[str, dict[str, str]]) -> None:
    """Character by character, over all queries and odd texts (which stay within 16 bits: offsets are UTF-16)."""
    texts = [KEYWORDS, *NAMES, *TEXTS, *texts_of_files()]
    for text, found in zip(texts, scopes_of(texts, engine), strict=True):
        wanted = kinds(text)
        for at, token in wanted.items():
            if text[at].isspace() or (token is Text and not found.get(at)):
                continue
            kind = next(k for k, (scope, _) in SCOPES.items() if f"{scope}.clq" == found[at])
            place = f"{text[max(0, at - 30) : at]}‹{text[at]}›{text[at + 1 : at + 30]}"
            assert SCOPES[kind][1] is token, f"{kind} but {token}: {place}"
