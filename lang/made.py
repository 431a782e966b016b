"""The names that statements make and drop, read off their tokens, and what is remarked about names nobody uses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from . import ast
from .declare import Names
from .diagnostic import Diagnostic
from .excerpt import line_and_column
from .scan import Code, Token, scan


def tables_made(sql: str) -> Iterator[str]:
    """The names of tables and views that SQL statements make, read off their first words."""
    code = Code(sql)
    for first, end in code.statements:
        words = [t.up for t in code.tokens[first : min(first + 5, end)]]  # CREATE OR REPLACE TEMP TABLE name
        words = words[: words.index("(")] if "(" in words else words
        if words[:1] != ["CREATE"] or not {"TABLE", "VIEW"} & set(words):
            continue
        i = first + min(words.index(w) for w in ("TABLE", "VIEW") if w in words) + 1
        if code.up(i, end) == "IF":
            i += 3
        if i < end and code.tokens[i].kind in {"word", "quoted"} and code.up(i + 1, end) != ".":
            yield name_of(code.tokens[i])


def tables_dropped(sql: str) -> Iterator[str]:
    """The names after DROP TABLE and DROP VIEW."""
    code = Code(sql)
    for first, end in code.statements:
        words = [code.up(i, end) for i in range(first, first + 4)]
        if words[0] == "DROP" and words[1] in {"TABLE", "VIEW"}:
            start = first + (4 if words[2:] == ["IF", "EXISTS"] else 2)
            yield from (name_of(t) for t in code.tokens[start:end] if t.kind in {"word", "quoted"})


def name_of(token: Token) -> str:
    """What a word or a name in double quotes says."""
    return token.text[1:-1].replace('""', '"') if token.kind == "quoted" else token.text


def would_make(text: str) -> Iterator[str]:
    """The names after LET and INTO in a statement that could not be read."""
    try:
        tokens = scan(text)
    except Diagnostic:
        return
    for one, two in pairwise(tokens):
        if one.up in {"LET", "INTO", "TABLE", "VIEW"} and two.kind in {"word", "quoted"}:
            yield name_of(two)


def names_without_use(script: ast.Script, names: Names) -> Iterator[Diagnostic]:
    """LET and PARAM names that nothing reads, and those that hide another thing; not in a file of names only."""
    makers = (ast.Let, ast.ParamStatement, ast.Define, ast.SetStatement, ast.Import)
    library = all(isinstance(s, makers) for s in script.statements)
    made: dict[str, tuple[ast.Let | ast.ParamStatement, bool]] = {}
    for statement in script.statements:
        used = _used(script.text[statement.span.start : statement.span.end])
        own = statement if isinstance(statement, (ast.Let, ast.ParamStatement)) else None
        for word, (maker, _) in list(made.items()):
            if used.get(word, 0) > (own is not None and _word(own) == word and isinstance(own, ast.Let)):
                made[word] = (maker, True)
        if own is None:
            continue
        before = made.get(_word(own))
        if before is not None and not before[1] and isinstance(own, ast.Let):
            line, _ = line_and_column(script.text, before[0].name_span.start)
            message = f"{before[0].name} was made on line {line} already, and nothing has used it since"
            yield Diagnostic("shadowed-name", message, own.name_span, severity="warning")
        elif isinstance(own, ast.Let) and before is None and names.built_in(own.name) and _listed(own.name, names):
            message = f"{own.name} hides what clq itself calls {own.name.lower()}; choose another name"
            yield Diagnostic("shadowed-name", message, own.name_span, severity="warning")
        made[_word(own)] = (own, False)
    for maker, is_used in made.values():
        if not is_used and not library:
            written = f"${maker.name}" if isinstance(maker, ast.ParamStatement) else maker.name
            yield Diagnostic("unused-name", f"Nothing uses {written}", maker.name_span, severity="warning")


def _listed(name: str, names: Names) -> bool:
    """Whether people meet the name as clq's: `LET resnet18 = torchvision('resnet18', …)` hides nothing they had."""
    return name.lower() not in names.further()


def _word(maker: ast.Let | ast.ParamStatement) -> str:
    """How `_used` counts a name."""
    return f"${maker.name}" if isinstance(maker, ast.ParamStatement) else maker.name.lower()


def _used(text: str) -> dict[str, int]:
    """How often each word, and each parameter, stands in a statement; `lab.words` counts for `lab` too."""
    out: dict[str, int] = {}
    try:
        tokens = scan(text)
    except Diagnostic:
        return out
    for token in tokens:
        if token.kind in {"word", "quoted"}:
            name = name_of(token).lower()
        elif token.kind == "param":
            name = token.text
        else:
            continue
        out[name] = out.get(name, 0) + 1
    return out
