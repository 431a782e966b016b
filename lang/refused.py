"""What clq knows about SQL that DuckDB refused: a query without parentheses or behind a CTE, a misspelt setting."""

from __future__ import annotations

from .ast import Span
from .diagnostic import Diagnostic, did_you_mean, nearest
from .scan import AFTER_COLUMN, SETTINGS, SHOW_WORDS, VERB_WORDS, Code, Token, route

_OURS = frozenset({"OF", "JUDGED", "CAPTIONED", "CONTRAST"})


def refused(text: str, span: Span, settings: frozenset[str] = frozenset()) -> Diagnostic | None:
    """A better message than DuckDB's for the SQL at `span`, or None. `settings` are the names that DuckDB knows."""
    unclosed: list[Diagnostic] = []  # SQL in a bracket ends before it
    code = Code(text[: span.end], unclosed)
    first = next((i for i, t in enumerate(code.tokens) if t.start >= span.start), len(code.tokens))
    end = len(code.tokens)
    if first == end or route(code, first, end) != "sql":
        return None
    one, two = code.up(first, end), code.up(first + 1, end)
    if one in {"SET", "RESET"} and first + 1 < end:
        return _setting(code, first + 1, settings)
    if one == "SHOW" and first + 1 < end:
        return _shown(code.tokens[first + 1])
    verb = next((i for i in range(first + 1, end) if _bare_verb(code, i, end) or _inserted(code, i, first, end)), None)
    if verb is None:
        return _next_line(code, first, end) or _kept(code, first, end)
    word, place = code.tokens[verb].up, code.tokens[verb].span
    if one == "EXPLAIN" and two == "ANALYZE" and verb == first + 2:
        rest = code.text[place.start : span.end].split("\n")[0]
        message = f"EXPLAIN ANALYZE is DuckDB's. For a clq query: PLAN ANALYZE {rest}"
    elif one == "WITH" and _outside(code, first, verb) and code.up(verb - 1, end) == ")":
        name = code.tokens[first + 1].text
        message = f"A clq query cannot see a CTE. Name it before: LET {name} = (SELECT …); {word} … ON {name}"
    elif _inserted(code, verb, first, end):
        table = code.tokens[first + 2].text
        message = f"Rows of a clq query are put into a table by INSERT INTO {table} FROM ({word} …)"
    else:
        before = code.tokens[verb - 1].text
        message = f"Inside SQL a clq query stands in parentheses: {before} ({word} …). Or: {word} … INTO t"
    return Diagnostic("nested-query", message, place)


def _bare_verb(code: Code, i: int, end: int) -> bool:
    """A verb before an object, where SQL could not have a column or function of that name."""
    before, verb = code.tokens[i - 1], code.tokens[i]
    if verb.up not in VERB_WORDS or i + 1 >= end or before.up in {".", ",", "("}:
        return False
    after = code.tokens[i + 1]
    stands = before.up in {"AS", "FROM", "JOIN", "IN", "EXISTS", "ANALYZE", ")", "UNION", "ALL", "EXCEPT", "COPY"}
    # `FROM label l` may be a table and its alias, so another word of clq must follow.
    surely = verb.up == "EXPLAIN" or any(t.up in _OURS for t in code.tokens[i + 2 : end])
    return stands and surely and after.kind in {"word", "quoted", "string", "param"} and after.up not in AFTER_COLUMN


def _inserted(code: Code, i: int, first: int, end: int) -> bool:
    """INSERT INTO t EXPLAIN …, and INSERT INTO t (EXPLAIN …), which SQL takes for columns of t."""
    at = i - 1 if code.up(i - 1, end) == "(" else i
    after = code.tokens[i + 1].kind if i + 1 < end else ""
    begins = [code.up(first, end), code.up(first + 1, end)] == ["INSERT", "INTO"] and at == first + 3
    return begins and code.up(i, end) in VERB_WORDS and after in {"word", "quoted", "string", "param"}


def _next_line(code: Code, first: int, end: int) -> Diagnostic | None:
    """A query at the beginning of a line behind SQL, whose verb DuckDB took for an alias."""
    for i in range(first + 1, end - 1):
        before, verb, after = code.tokens[i - 1 : i + 2]
        begins = "\n" in code.text[before.end : verb.start] and before.up not in {",", ".", "(", "AS", "SELECT"}
        surely = verb.up == "EXPLAIN" or any(token.up in _OURS for token in code.tokens[i + 2 : end])
        object_ = after.kind in {"word", "quoted", "string", "param"} and after.up not in AFTER_COLUMN
        if begins and surely and object_ and verb.up in VERB_WORDS and _outside(code, first, i):
            message = f"Statements end with a semicolon; put one before {verb.up}"
            return Diagnostic("unexpected", message, verb.span)
    return None


def _kept(code: Code, first: int, end: int) -> Diagnostic | None:
    """SELECT … INTO t, as a clq query is kept."""
    into = next((i for i in range(first + 1, end) if code.up(i, end) == "INTO" and _outside(code, first, i)), None)
    if into is None or into + 2 != end or code.up(first, end) not in {"SELECT", "FROM", "WITH", "("}:
        return None
    kept = code.tokens[into + 1]
    query = f"{code.up(first, end)} …"
    how = f"COPY ({query}) TO {kept.text}" if kept.kind == "string" else f"CREATE TABLE {kept.text} AS {query}"
    message = f"INTO ends a query of clq. The rows of SQL are kept by {how}"
    return Diagnostic("sql-error", message, code.tokens[into].span)


def _outside(code: Code, first: int, i: int) -> bool:
    """Whether token i stands in no bracket that opens after `first`."""
    return not any(first <= a < i < b for a, b in code.partner.items())


def _shown(word: Token) -> Diagnostic:
    """What SHOW has, for a word that neither clq nor DuckDB shows."""
    guess = did_you_mean(word.up, SHOW_WORDS)
    message = f"SHOW has no {word.text}, and no table is called so.{guess}"
    hint = f"SHOW {', '.join(sorted(SHOW_WORDS))}; SHOW TABLES"
    return Diagnostic("unknown-name", message, word.span, hint=hint)


def _setting(code: Code, i: int, settings: frozenset[str]) -> Diagnostic | None:
    name = code.tokens[i]
    if name.kind != "word" or name.text.lower() in settings or name.up in {"VARIABLE", "GLOBAL", "SESSION", "LOCAL"}:
        return None
    near = nearest(name.text, [*SETTINGS, *settings])
    guess = f"; did you mean {near}?" if near else f". clq's settings: {', '.join(SETTINGS)}"
    return Diagnostic("unknown-setting", f"Neither clq nor DuckDB has the setting {name.text}{guess}", name.span)
