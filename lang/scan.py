"""The scanner: tokens with offsets, where statements end, whose they are, and where clq hides inside SQL.

Everything here works on tokens and never on the text, so that strings, comments and quoted names can hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from itertools import pairwise
from typing import Literal, NamedTuple

from .ast import Span
from .diagnostic import Diagnostic
from .statements import SETTINGS as declared
from .statements import SHOWS
from .verbs import QUERY_VERBS, SPELLINGS

Owner = Literal["clq", "sql", "unknown"]


def words(text: str) -> frozenset[str]:
    """A set of words written as a sentence."""
    return frozenset(text.split())


VERB_WORDS = QUERY_VERBS | frozenset(SPELLINGS)
CLQ_STARTS = VERB_WORDS | words("LET PARAM DEFINE PLAN")
SQL_STARTS = words("""SELECT WITH FROM VALUES TABLE CREATE INSERT UPDATE DELETE MERGE DROP ALTER COPY ATTACH DETACH USE
    BEGIN COMMIT ROLLBACK ABORT START END CALL CHECKPOINT FORCE COMMENT ANALYZE ANALYSE VACUUM DESCRIBE DESC SUMMARIZE
    EXPORT INSTALL LOAD PRAGMA PREPARE EXECUTE DEALLOCATE PIVOT PIVOT_WIDER PIVOT_LONGER UNPIVOT TRUNCATE SHOW SET RESET
    IMPORT CONNECT DISCONNECT""")
STARTS = CLQ_STARTS | SQL_STARTS
SQL_QUERY = words("SELECT WITH FROM VALUES TABLE PIVOT UNPIVOT DESCRIBE SUMMARIZE SHOW")
SHOW_WORDS = frozenset(SHOWS)
SETTINGS = tuple(declared)
SETTING_WORDS = frozenset(s.upper() for s in SETTINGS)
CLAUSE_WORDS = words("OF IN ON FOR TO USING CONTRAST WITH CAPTIONED JUDGED CHANGING")
# Words that stand directly before a subquery's parenthesis; any other word there names a function, table or type.
BEFORE_SUBQUERY = words("""FROM JOIN LATERAL AS MATERIALIZED IN EXISTS ANY ALL SOME UNION DISTINCT EXCEPT INTERSECT
    NAME SELECT WHERE HAVING QUALIFY ON AND OR NOT WHEN THEN ELSE CASE BETWEEN LIKE ILIKE BY LIMIT OFFSET RETURNING SET
    IS COPY EXPLAIN ANALYZE DESCRIBE DESC SUMMARIZE PIVOT PIVOT_WIDER PIVOT_LONGER UNPIVOT USING ARRAY SHOW GLOB""")
# Words that may follow a *column* called like a verb, so that `(label IS NULL)` stays SQL.
AFTER_COLUMN = words("""AND OR IS ISNULL NOTNULL NOT IN LIKE ILIKE SIMILAR GLOB BETWEEN COLLATE AT ASC DESC NULLS AS
    FILTER OVER ORDER FROM JOIN LEFT RIGHT FULL INNER CROSS NATURAL SEMI ANTI ASOF POSITIONAL""")

OPEN = {"(": ")", "[": "]", "{": "}"}
CLOSE = frozenset(OPEN.values())
DEEPEST = 50

_TOKEN = re.compile(
    r"""
    (?P<space>[\s\ufeff]+|--[^\n\r]*)
  | (?P<string>[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
  | (?P<param>\$\w+)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<number>(?:\d[\d_]*(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<curly>[‘’‚‛“”„‟«»][^‘’‚‛“”„‟«»\n\r]*[‘’‚‛“”„‟«»] | [‘“„«][^\s'"‘’“”„«»]+['"])
  | (?P<punct>::|\.\.|:=|->|=>|<=|>=|<>|!=|==|\|\||//|.)
    """,
    re.X | re.S,
)
_COMMENT = re.compile(r"/\*|\*/")
_LINE = re.compile(r"[^\n\r]*")
_CURLY = re.compile("[‘’‚‛“”„‟«»]")


class Token(NamedTuple):
    """`up` is the word in upper case, the punctuation as it stands, and empty for anything else.

    The kind `curly` is text in quotes that neither language knows: ‘boat’, “boat”.
    """

    kind: str
    text: str
    start: int
    end: int
    up: str

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


def scan(text: str, problems: list[Diagnostic] | None = None) -> list[Token]:
    """SQL's lexical rules as DuckDB has them: '' and E'' text, "" names, $tag$ text, nested comments, names with $.

    Text that is never closed raises Diagnostic; with a list of `problems` it goes there, and the tokens end before it.
    """
    out: list[Token] = []
    try:
        _scan(text, out)
    except Diagnostic as problem:
        problem = _first_open(text, out, problem)
        if problems is None:
            raise problem from None
        problems.append(problem)
    return out


def _first_open(text: str, tokens: list[Token], problem: Diagnostic) -> Diagnostic:
    """Text is left open at the end where a quote was forgotten earlier: text and code have changed places since.

    That shows in a text over several lines that a word follows directly. The tokens from it on are taken away.
    """
    quote = text[problem.span.start] if problem.span is not None else ""
    for i, token in enumerate(tokens[:-1] if quote in {"'", '"'} else ()):
        beside = tokens[i + 1].start == token.end and tokens[i + 1].kind in {"word", "number"}
        if not beside or token.text[0] != quote:
            continue
        if "\n" in token.text:
            del tokens[i:]
            return Diagnostic(problem.code, problem.message, Span(token.start, token.start + 1))
        line = _LINE.match(text, token.start)
        if quote == "'" and line is not None and line[0].count("'") % 2:
            written = f"{token.text}'{tokens[i + 1].text}"
            del tokens[i:]
            message = f"An apostrophe inside text is written twice: {written} …"
            return Diagnostic(problem.code, message, Span(token.end - 1, token.end))
    return problem


def _scan(text: str, out: list[Token]) -> None:
    here, end = 0, len(text)
    while here < end:
        if text.startswith("/*", here):
            here = _comment_end(text, here)
            continue
        found = _TOKEN.match(text, here)
        assert found is not None and found.lastgroup is not None, "the last alternative takes any character"
        kind, stop = found.lastgroup, found.end()
        if kind == "dollar":
            close = text.find(found[0], stop)
            if close < 0:
                raise Diagnostic("open-text", f"This text is never closed with {found[0]}", Span(here, stop))
            kind, stop = "string", close + len(found[0])
        word = text[here:stop]
        if word in {"'", '"'}:
            what = "text is never closed with '" if word == "'" else 'name is never closed with "'
            raise Diagnostic("open-text", f"This {what}{_other_quote(text, stop)}", Span(here, stop))
        if kind != "space":
            # Only ASCII words can be keywords: Unicode would fold 'ı' and 'ſ' into I and S.
            up = word.upper() if kind == "word" and word.isascii() else word if kind == "punct" else ""
            out.append(Token(kind, word, here, stop, up))
        here = stop


def _other_quote(text: str, start: int) -> str:
    """What stands in the same line in place of the quote that is missing."""
    line = _LINE.match(text, start)
    found = _CURLY.search(line[0] if line else "")
    return f"; {found[0]} is another sign" if found else ""


class Comment(NamedTuple):
    """A comment with its marks, without blanks after it."""

    text: str
    start: int
    end: int


def comments(text: str, tokens: Sequence[Token]) -> list[Comment]:
    """The comments between the tokens of a text."""
    out, here = [], 0
    for token_end, start in zip([0, *(t.end for t in tokens)], [*(t.start for t in tokens), len(text)], strict=True):
        here = token_end
        while here < start:
            if text.startswith("--", here):
                found = _LINE.match(text, here)
                end = found.end() if found else start
            elif text.startswith("/*", here):
                end = _comment_end(text, here)
            else:
                here += 1
                continue
            out.append(Comment(text[here:end].rstrip(), here, end))
            here = end
    return out


def _comment_end(text: str, start: int) -> int:
    depth, here = 1, start + 2
    while depth:
        found = _COMMENT.search(text, here)
        if found is None:
            path = text[start - 1 : start].isalnum()
            hint = "A file or folder stands in single quotes: 'photos/*.jpg'" if path else None
            raise Diagnostic("open-comment", "This comment is never closed with */", Span(start, start + 2), hint)
        depth += 1 if found[0] == "/*" else -1
        here = found.end()
    return here


class Code:
    """A text, its tokens, and the partner of every opening bracket. Ranges of tokens are half-open (first, end).

    What is never closed raises Diagnostic; with a list of `problems` it goes there, and the statements that it spoils
    are `broken`: a place in `statements`, and the token up to which the statement is sound.
    """

    def __init__(self, text: str, problems: list[Diagnostic] | None = None) -> None:
        self.text, self._problems = text, problems
        count = len(problems) if problems is not None else 0
        self.tokens = scan(text, problems)
        self.partner: dict[int, int] = {}
        self.statements: list[tuple[int, int]] = []
        self.broken: dict[int, int] = {}
        cut = problems is not None and len(problems) > count
        self._pair(cut)

    def _pair(self, cut: bool) -> None:
        """Match brackets and split at semicolons. `cut`: the text goes on, unreadable.

        No statement has a semicolon in brackets: they were never closed, if after it another statement begins. A
        closing bracket too many is left to who reads it.
        """
        stack: list[int] = []
        first, spoilt = 0, -1
        for i, token in enumerate(self.tokens):
            if token.up == ";":
                if stack and self._goes_on(i + 1, stack):
                    if spoilt < 0:
                        self._tell(_semicolon_in_brackets(self.tokens[stack[-1]], token))
                        spoilt = stack[0]
                    continue
                if stack and spoilt < 0:
                    self._never_closed(stack[-1])
                    spoilt = stack[0]
                self._end(first, i, spoilt)
                first, spoilt = i + 1, -1
                stack.clear()
            elif token.up in OPEN:
                stack.append(i)
                if len(stack) > DEEPEST and spoilt < 0:
                    self._tell(Diagnostic("unexpected", f"Brackets are nested more than {DEEPEST} deep", token.span))
                    spoilt = stack[0]
            elif token.up in CLOSE and stack:
                opener = self.tokens[stack[-1]]
                if OPEN[opener.up] != token.up:
                    message = f"Expected {OPEN[opener.up]} to close the {opener.up}, found {token.up}"
                    if spoilt < 0:
                        self._tell(Diagnostic("open-bracket", message, token.span))
                        spoilt = stack[0]
                else:
                    self.partner[stack.pop()] = i
        if stack and spoilt < 0:
            if not cut:
                self._never_closed(stack[-1])
            spoilt = stack[0]
        self._end(first, len(self.tokens), len(self.tokens) if cut and spoilt < 0 else spoilt)

    def _goes_on(self, i: int, stack: list[int]) -> bool:
        """Whether the brackets are closed after a semicolon that ends at token i: soon, and in the same line."""
        if self.up(i, len(self.tokens)) in STARTS:
            return False
        closers = [OPEN[self.tokens[k].up] for k in stack]
        for before, token in pairwise(self.tokens[i - 1 : i + 100]):
            if "\n" in self.text[before.end : token.start]:
                return False
            if token.up in OPEN:
                closers.append(OPEN[token.up])
            elif token.up in CLOSE and token.up != closers.pop():
                return False
            if not closers:
                return True
        return False

    def _end(self, first: int, end: int, spoilt: int) -> None:
        if end > first:
            if spoilt >= 0:
                self.broken[len(self.statements)] = spoilt
            self.statements.append((first, end))

    def _never_closed(self, i: int) -> None:
        opener = self.tokens[i]
        self._tell(Diagnostic("open-bracket", f"This {opener.up} is never closed with {OPEN[opener.up]}", opener.span))

    def _tell(self, problem: Diagnostic) -> None:
        if self._problems is None:
            raise problem
        self._problems.append(problem)

    def up(self, i: int, end: int) -> str:
        """The word or punctuation at i, or '' outside the range."""
        return self.tokens[i].up if 0 <= i < end else ""

    def span(self, first: int, end: int) -> Span:
        return Span(self.tokens[first].start, self.tokens[end - 1].end)


def _semicolon_in_brackets(opener: Token, semicolon: Token) -> Diagnostic:
    around = f"{opener.up} {OPEN[opener.up]}"
    message = f"A semicolon ends a statement and cannot stand inside {around}; commas stand between values"
    return Diagnostic("unexpected", message, semicolon.span)


def route(code: Code, first: int, end: int) -> Owner:
    """Whose statement this is, from its first words only (and one matching parenthesis for EXPLAIN)."""
    one, two, three = (code.up(first + k, end) for k in range(3))
    if one == "(":
        return "sql"
    if one == "EXPLAIN":
        return _route_explain(code, first, end)
    if one == "SHOW":
        return "clq" if two in SHOW_WORDS | {""} else "sql"
    if one in {"SET", "RESET"}:
        return "clq" if two in SETTING_WORDS and three != "." else "sql"
    if one == "IMPORT":
        return "sql" if two == "DATABASE" else "clq"
    if one in CLQ_STARTS:
        return "clq"
    if one in SQL_STARTS:
        return "sql"
    return "clq" if code.tokens[first].kind == "word" and two == "(" else "unknown"


def _route_explain(code: Code, first: int, end: int) -> Owner:
    two, three = code.up(first + 1, end), code.up(first + 2, end)
    if two == "(":
        if three in VERB_WORDS:
            return "clq"
        if three in SQL_QUERY or three == "(":
            return "clq" if code.up(code.partner.get(first + 1, end) + 1, end) in CLAUSE_WORDS else "sql"
        return "sql"
    ends = first + 2 >= end
    layer = ends or three in {".", "[", ",", "OF"} or code.tokens[first + 2].text.startswith(".")
    return "sql" if two in SQL_STARTS and not layer else "clq"


def opens_query(code: Code, i: int, first: int, end: int, inside: bool = False) -> bool:
    """Whether the parenthesis at i in SQL opens a clq query: by what is before, a verb, and what follows the verb."""
    if not inside and i > first:
        before = code.tokens[i - 1]
        if before.kind in {"quoted", "string", "number", "param"} or before.up in CLOSE:
            return False
        if before.kind == "word" and (before.up not in BEFORE_SUBQUERY or _is_table_made(code, i - 1, first)):
            return False
    verb, after = code.up(i + 1, end), code.up(i + 2, end)
    if verb == "PLAN":
        analyze = after == "ANALYZE" and code.up(i + 3, end) not in {",", ")", ""}
        return after in VERB_WORDS or after in SQL_QUERY or analyze
    if verb not in VERB_WORDS or i + 2 >= end:
        return False
    kind = code.tokens[i + 2].kind
    if kind == "word":
        return after not in AFTER_COLUMN
    if kind in {"quoted", "string", "param"}:
        return True
    if after == "*":
        named = i + 4 < end and code.tokens[i + 4].kind in {"word", "quoted", "param"}
        return code.up(i + 3, end) == "OF" and named
    if after == "[":
        return _opens_list(code, i + 2, end)
    if after == "(":
        return code.up(i + 3, end) in SQL_QUERY or opens_query(code, i + 2, first, end, inside=True)
    return False


def _is_table_made(code: Code, i: int, first: int) -> bool:
    """Whether the word at i names what CREATE TABLE makes or INSERT fills: `CREATE TABLE name (label INTEGER)`."""
    back = [token.up for token in code.tokens[max(first, i - 3) : i]]
    return back[-1:] in (["TABLE"], ["INTO"], ["VIEW"]) or back == ["IF", "NOT", "EXISTS"]


def _opens_list(code: Code, i: int, end: int) -> bool:
    """Whether brackets after a verb are a list of words, as in EMBED ['boat', 'car'], and no subscript of a column:
    there is a comma between its items, or a clause goes on after it."""
    close = code.partner[i]
    inner = i + 1
    while inner < close:
        if code.up(inner, end) == "," and inner + 1 < close:  # one before the bracket separates nothing
            return True
        inner = code.partner.get(inner, inner) + 1
    return code.up(close + 1, end) in CLAUSE_WORDS - {"IN"}


def islands(code: Code, first: int, end: int, defined: Set[str]) -> Iterator[tuple[int, int]]:
    """Token ranges of the outermost clq queries in SQL; `defined` are names of defined queries in lower case."""
    i = first
    while i < end:
        token = code.tokens[i]
        if token.up == "(" and opens_query(code, i, first, end):
            close = code.partner[i]
            yield i + 1, close
            i = close
        elif _is_call(code, i, first, end) and token.text.lower() in defined:
            close = code.partner[i + 1]
            yield i, close + 1
            i = close
        i += 1


def _is_call(code: Code, i: int, first: int, end: int) -> bool:
    called = code.tokens[i].kind == "word" and code.up(i + 1, end) == "("
    return called and (i == first or code.up(i - 1, end) != ".")
