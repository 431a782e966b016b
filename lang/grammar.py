"""The tables that lark makes of grammar.lark, built when first needed, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark.parsers.lalr_parser_state import ParseConf, ParserState

    from .failure import Terminal


@dataclass(frozen=True)
class Tables:
    """`keywords` and `punctuation` give the terminal of a word in upper case or of a sign."""

    lark: Any
    keywords: Mapping[str, str]
    punctuation: Mapping[str, str]
    conf: ParseConf[Any]
    token: Any

    def start(self, terminals: Iterable[Terminal] = ()) -> ParserState[Any]:
        """A parser that has read these terminals."""
        from lark.parsers.lalr_parser_state import ParserState

        state = ParserState(self.conf, None)  # type: ignore[arg-type]  # no lexer is asked for tokens
        for terminal in terminals:
            state.feed_token(self.as_token(terminal))
        return state

    def as_token(self, terminal: Terminal) -> Any:
        return self.token(terminal.kind, terminal.text, terminal.start, 1, 1, 1, 1, terminal.end)

    def can(self, stack: list[Any]) -> Mapping[str, Any]:
        """What the table has for the state on top of the stack: more than could be read, see `accepts`."""
        found: Mapping[str, Any] = self.conf.states[stack[-1]]
        return found

    def accepts(self, stack: list[Any], kind: str) -> bool:
        """Whether the terminal could be shifted: LALR tables list some that would fail after a few reductions."""
        if not (kind.isupper() or kind == "$END"):
            return False
        from lark.parsers.lalr_analysis import Shift

        stack = list(stack)
        while True:
            action = self.conf.states[stack[-1]].get(kind)
            if action is None:
                return False
            if action[0] is Shift:
                return True
            size = len(action[1].expansion)
            if size:
                del stack[-size:]
            stack.append(self.conf.states[stack[-1]][action[1].origin.name][1])
            if kind == "$END" and stack[-1] == self.conf.end_state:
                return True

    def expected(self, stack: list[Any]) -> frozenset[str]:
        """Every terminal that could be read next."""
        return frozenset(kind for kind in self.can(stack) if self.accepts(stack, kind))


class _NoLexer:
    """Lark wants a lexer class; the terminals are fed by hand."""

    __future_interface__ = 2

    def __init__(self, conf: object) -> None:
        pass


@cache
def tables() -> Tables:
    """Building takes longer than parsing a thousand statements."""
    from lark import Lark, Token
    from lark.lexer import Lexer, PatternStr

    lexer = type("NoLexer", (_NoLexer, Lexer), {"lex": None})
    grammar = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    lark = Lark(grammar, parser="lalr", lexer=lexer, propagate_positions=True, maybe_placeholders=True)
    keywords: dict[str, str] = {}
    punctuation: dict[str, str] = {}
    for terminal in lark.terminals:
        if isinstance(terminal.pattern, PatternStr):
            value = terminal.pattern.value
            (keywords if value.isalpha() else punctuation)[value.upper()] = terminal.name
    return Tables(lark, keywords, punctuation, lark.parse_interactive("").parser_state.parse_conf, Token)
