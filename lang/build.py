"""lark's tree -> AST: decodes text and numbers, and refuses what the grammar lets through (a clause twice)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from . import ast
from .ast import Constant, Name, Parameter, Place, Query, Span
from .diagnostic import Diagnostic, did_you_mean
from .literals import decode_string, number, parameter_name
from .reserved import refuse_reserved
from .statements import SHOWS
from .verbs import CLAUSES, QUERY_VERBS, SPELLINGS

_PLAIN = re.compile(r"[^\W\d]\w*")
# In double quotes: what SQL could not tell from a path or from the relations of a session (clq:…) is no name.
_QUOTABLE = re.compile(r"(?!clq:)(?=.*\S)[^.\"\x00-\x1f]+")
_FIELDS = {c.field: c for c in CLAUSES.values()}
T = TypeVar("T")
_KINDS = {"CLASS": "class", "SYNSET": "synset", "TEXT": "text", "FAILURE": "failure"}


def _span(node: Any) -> Span:
    if hasattr(node, "meta"):
        return Span(node.meta.start_pos, node.meta.end_pos)
    return Span(node.start_pos, node.end_pos)


def _cover(parts: list[Any]) -> Span:
    return _span(parts[0]).to(_span(parts[-1]))


class Builder:
    """`read_sql` makes an Sql node of a range of characters, with the queries in it.

    What means nothing goes to `problems`; then the tree is of no use, but all its mistakes are found.
    """

    def __init__(self, read_sql: Callable[[int, int], ast.Sql], problems: list[Diagnostic]) -> None:
        self.read_sql = read_sql
        self.problems = problems

    def tell(self, code: str, message: str, span: Span) -> None:
        self.problems.append(Diagnostic(code, message, span))

    def told(self, make: Callable[[], T], instead: T) -> T:
        """What `make` gives; its mistakes are told and `instead` given."""
        try:
            return make()
        except Diagnostic as problem:
            self.problems += problem.every()
            return instead

    def sql(self, node: Any) -> ast.Sql:
        span = _span(node)
        return self.told(lambda: self.read_sql(span.start, span.end), ast.Sql(span, str(node)))

    def number(self, token: Any) -> int | float:
        nothing: int | float = 0
        return self.told(lambda: number(token), nothing)

    def statement(self, tree: Any) -> ast.Statement:
        span, parts = _span(tree), tree.children
        match tree.data:
            case "let":
                name, name_span = self.made_name(parts[0], "LET")
                return ast.Let(span, name, name_span, self.value(parts[1]))
            case "param":
                name, name_span = self.made_name(parts[0], "PARAM")
                return ast.ParamStatement(span, name, name_span, self.value(parts[1]))
            case "set":
                return ast.SetStatement(span, str(parts[0]).lower(), _span(parts[0]), self.value(parts[1]))
            case "reset":
                return ast.SetStatement(span, str(parts[0]).lower(), _span(parts[0]), None)
            case "define":
                name, name_span = self.made_name(parts[0], "DEFINE")
                formals = tuple(self.formal(f) for f in parts[1:-1])
                return ast.Define(span, name, name_span, formals, self.body(parts[-1]))
            case "import_":
                return ast.Import(span, decode_string(parts[0]), _span(parts[0]))
            case "show":
                return self.show(span, parts)
            case "plan":
                return ast.PlanStatement(span, self.body(parts[1]), parts[0] is not None)
            case "query":
                query = self.query(tree)
                bare = query.call is not None and query == Query(query.span, "CALL", query.verb_span, call=query.call)
                return query.call if bare and query.call is not None else query
        raise AssertionError(tree.data)

    def show(self, span: Span, parts: list[Any]) -> ast.Show:
        word, name, of, for_ = parts
        what, verb = str(word).upper(), SPELLINGS.get(str(for_).upper(), str(for_).upper()) if for_ else None
        if what == "LAYERS" and of is None and name is None:
            self.tell("missing-clause", "Of which model? SHOW LAYERS OF labnet", _span(word))
        if what in {"METHOD", "VERB"} and name is None:
            example = "clip_dissect" if what == "METHOD" else "EXPLAIN"
            self.tell("missing-argument", f"Which {what.lower()}? SHOW {what} {example}", _span(word))
        elif what == "VERB" and str(name).upper() not in QUERY_VERBS | frozenset(SPELLINGS):
            self.tell("unexpected", f"No verb is called {name}.{did_you_mean(str(name), QUERY_VERBS)}", _span(name))
        elif what == "METHODS" and name is not None and str(name).upper() in QUERY_VERBS:
            self.tell("unexpected", f"The verb comes after FOR: SHOW METHODS FOR {str(name).upper()}", _span(name))
            name = None
        odd = name if what not in {"METHOD", "VERB"} else None
        odd = odd or (of if what != "LAYERS" else None) or (for_ if what != "METHODS" else None)
        if odd is not None:
            self.tell("unexpected", _shown(what, odd), _span(odd))
        shown = None if name is None else self.name(name)
        return ast.Show(span, what, _span(word), shown, () if of is None else self.models(of), verb)

    def formal(self, tree: Any) -> tuple[str, ast.Value | None]:
        name, default = tree.children
        return str(name), None if default is None else self.value(default)

    def made_name(self, token: Any, by: str) -> tuple[str, Span]:
        """A name that a statement makes: a plain word or a quoted name, so that SQL can use it."""
        named = self.name(token)
        assert isinstance(named, Name), "the grammar takes no parameter here"
        text = named.text
        able = _PLAIN if token.type == "NAME" or by == "PARAM" else _QUOTABLE
        if not able.fullmatch(text):
            if by == "INTO" and "." in text:
                message = f"INTO {text} would name a table, without dots; a file stands in single quotes: INTO '{text}'"
            else:
                message = f"{by} makes a plain name, of letters, digits and _: {text.strip() or 'this'} is none"
            self.tell("unexpected", message, _span(token))
        self.told(lambda: refuse_reserved(text, _span(token)), None)
        return text, _span(token)

    # ------------------------------------------------------------------ queries

    def body(self, node: Any) -> Query | ast.Sql:
        return self.query(node) if hasattr(node, "data") else self.sql(node)

    def query(self, tree: Any) -> Query:
        head, *clauses, where, order, limit, into = tree.children
        fields: dict[str, Any] = {}
        spans: dict[str, Span] = {}
        for clause in clauses:
            word = _FIELDS[clause.data].keyword
            keyword = Span(_span(clause).start, _span(clause).start + len(word.split()[0]))
            if word in spans:
                several = _FIELDS[clause.data].several
                joined = f"; several {several} are joined by commas" if several else ""
                self.tell("clause-twice", f"{word} stands twice{joined}", keyword)
            spans.setdefault(word, _span(clause))
            fields.setdefault(clause.data, self.clause(clause))
        for word, part in (("WHERE", where), ("ORDER BY", order), ("LIMIT", limit), ("INTO", into)):
            if part is not None:
                spans[word] = _span(part)
        if where is not None:
            fields["where"] = self.body(where.children[0])
        if order is not None:
            fields["order"] = self.body(order.children[0])
        if limit is not None:
            count = limit.children[0]
            fields["limit_span"] = _span(limit)
            fields["limit"] = self.bound(count)
            if isinstance(fields["limit"], int) and fields["limit"] < 0:
                self.tell("unexpected", "LIMIT takes a whole number from 0 on", _span(count))
        if into is not None:
            fields["into"] = self.into(into)
        return Query(_span(tree), *self.head(head, fields), **fields, clause_spans=spans)

    def head(self, tree: Any, fields: dict[str, Any]) -> tuple[str, Span]:
        if tree.data == "defined":
            fields["call"] = self.call(tree.children[0])
            return "CALL", fields["call"].name.span
        verb = tree.children[0]
        name = SPELLINGS.get(str(verb).upper(), str(verb).upper())
        if verb.type == "TARGET_VERB":
            fields["targets"] = self.targets(tree.children[1])
        elif verb.type == "SOURCE_VERB":
            fields["source"] = self.value(tree.children[1])
        return name, _span(verb) if verb.type.endswith("VERB") else _span(tree)

    def clause(self, tree: Any) -> Any:
        parts = tree.children
        match tree.data:
            case "of":
                return self.models(parts[0])
            case "in_":
                return self.places(parts[0])
            case "on" | "with_" | "captioned" | "judged":
                return tuple(self.value(s) for s in parts[0].children)
            case "for_":
                return self.targets(parts[0])
            case "to":
                return ast.To(_span(tree), self.places(parts[0]), self.models(parts[1]))
            case "using":
                return tuple(self.call(m) if hasattr(m, "data") else self.name(m) for m in parts[0].children)
            case "contrast":
                kind: Literal["low", "random", "images"] = "images"
                if getattr(parts[0], "type", "") in {"LOW", "RANDOM"}:
                    kind = "low" if parts[0].type == "LOW" else "random"
                return ast.Contrast(_span(tree), kind, self.value(parts[0]) if kind == "images" else None)
            case "changing":
                return tuple(self.change(c) for c in parts)
        raise AssertionError(tree.data)

    def change(self, tree: Any) -> ast.Change:
        concept, value = tree.children
        if concept.type == "STRING":
            name: str | Parameter = decode_string(concept)
        else:
            named = self.name(concept)
            name = named if isinstance(named, Parameter) else named.text
        return ast.Change(_span(tree), name, float(self.number(value)))

    def into(self, tree: Any) -> ast.Into:
        where = tree.children[0]
        if where.type == "STRING":
            return ast.Into(_span(tree), decode_string(where), True)
        return ast.Into(_span(tree), self.made_name(where, "INTO")[0], False)

    # ------------------------------------------------------------------ targets

    def targets(self, tree: Any) -> tuple[ast.Target, ...]:
        out: list[ast.Target] = []
        for node in tree.children:
            if getattr(node, "type", "") in {"STRING", "INT"}:
                self.repeat(out, node)
            else:
                out.append(self.target(node))
        return tuple(out)

    def repeat(self, out: list[ast.Target], token: Any) -> None:
        """A bare constant repeats the kind before it: CLASS 'boat', 'car'."""
        last = out[-1]
        if last.kind not in {"class", "synset", "text", "failure"}:
            from .value_rules import what_is

            self.tell("unexpected", what_is(str(token)), _span(token))
            return
        value = self.constant(token)
        if last.subquery is None:
            out[-1] = ast.Target(last.span.to(_span(token)), last.kind, constants=(*last.constants, value))
        else:
            out.append(ast.Target(_span(token), last.kind, constants=(value,)))

    def target(self, tree: Any) -> ast.Target:
        span = _span(tree)
        if tree.data == "place":
            return ast.Target(span, "place", place=self.place(tree))
        if tree.data == "subquery":
            return ast.Target(span, "subquery", subquery=self.subquery(tree))
        word = str(tree.children[0]).upper()
        if tree.data == "group":
            return ast.Target(span, "group", place=self.place(tree.children[1]))
        if tree.data == "all":
            return ast.Target(span, word.lower())  # type: ignore[arg-type]
        if word == "MODEL":
            return ast.Target(span, "model", model=self.name(tree.children[1]))
        kind, value = _KINDS[word], self.value(tree.children[1])
        if isinstance(value, ast.Subquery):
            return ast.Target(span, kind, subquery=value)  # type: ignore[arg-type]
        values = value.items if isinstance(value, ast.ListValue) else (value,)
        constants = []
        for item in values:
            if isinstance(item, Place) and isinstance(item.name, Parameter) and item.selection is None:
                item = item.name
            plain = isinstance(item, Constant) and isinstance(item.value, (str, int)) and item.value is not True
            if not isinstance(item, Parameter) and (not plain or item.value is False):  # type: ignore[union-attr]
                self.tell("unexpected", f"{word} takes text or whole numbers", item.span)
                continue
            constants.append(item)
        return ast.Target(span, kind, constants=tuple(constants))  # type: ignore[arg-type]

    # ------------------------------------------------------------------ values

    def models(self, tree: Any) -> tuple[ast.Model, ...]:
        return tuple(self.call(m) if hasattr(m, "data") else Place(_span(m), self.name(m)) for m in tree.children)

    def places(self, tree: Any) -> tuple[Place, ...]:
        return tuple(self.place(p) for p in tree.children)

    def place(self, tree: Any) -> Place:
        name, selection = tree.children
        return Place(_span(tree), self.name(name), None if selection is None else self.selection(selection))

    def selection(self, tree: Any) -> ast.Selection:
        return ast.Selection(_span(tree), tuple(self.item(i) for i in tree.children))

    def item(self, node: Any) -> ast.SelectionItem:
        if not hasattr(node, "data"):
            return self.parameter(node) if node.type == "PARAMETER" else self.constant(node)
        if node.data == "subquery":
            return self.subquery(node)
        return ast.Slice(_span(node), *(None if b is None else self.bound(b) for b in node.children))

    def bound(self, token: Any) -> int | Parameter:
        return self.parameter(token) if token.type == "PARAMETER" else int(self.number(token))

    def value(self, node: Any) -> Any:
        """Any value of the grammar; what may stand where is the grammar's to say."""
        if not hasattr(node, "data"):
            return self.parameter(node) if node.type == "PARAMETER" else self.constant(node)
        match node.data:
            case "place":
                return self.place(node)
            case "call":
                return self.call(node)
            case "list":
                return ast.ListValue(_span(node), tuple(self.value(v) for v in node.children))
            case "subquery":
                return self.subquery(node)
        raise AssertionError(node.data)

    def call(self, tree: Any) -> ast.Call:
        name, *arguments, selection = tree.children
        made = tuple(self.argument(a) for a in arguments)
        chosen = None if selection is None else self.selection(selection)
        return ast.Call(_span(tree), Name(_span(name), str(name)), made, chosen)

    def argument(self, tree: Any) -> ast.Argument:
        if tree.data == "sql_argument":
            token = tree.children[0]
            return ast.Argument(_span(token), None, None, self.sql(token))
        name, value = tree.children
        span = _span(tree)
        if name is None:
            return ast.Argument(span, None, None, self.value(value))
        return ast.Argument(span, str(name), _span(name), self.value(value))

    def subquery(self, tree: Any) -> ast.Subquery:
        return ast.Subquery(_span(tree), self.body(tree.children[0]))

    def name(self, token: Any) -> Name | Parameter:
        if token.type == "PARAMETER":
            return self.parameter(token)
        if token.type == "QUOTED":
            return Name(_span(token), str(token)[1:-1].replace('""', '"'), quoted=True)
        return Name(_span(token), str(token))

    def parameter(self, token: Any) -> Parameter:
        return Parameter(_span(token), self.told(lambda: parameter_name(token), "k"))

    def constant(self, token: Any) -> Constant:
        if token.type == "STRING":
            return Constant(_span(token), decode_string(token))
        if token.type in {"TRUE", "FALSE", "NULL"}:
            return Constant(_span(token), {"TRUE": True, "FALSE": False, "NULL": None}[token.type])
        return Constant(_span(token), self.number(token))


def _shown(what: str, odd: Any) -> str:
    """What stands behind a word of SHOW that does not take it."""
    form = SHOWS[what].form if what in SHOWS else f"SHOW {what}"
    if what == "LAYERS":
        return f"The model comes after OF: SHOW LAYERS OF {odd}"
    if what == "METHODS":
        one = "clip_dissect" if hasattr(odd, "data") else odd
        return f"SHOW METHODS is written {form}; one method is shown by SHOW METHOD {one}"
    return f"{form} stands alone"
