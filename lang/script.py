"""A script, statement by statement: what each means, the names it makes, and every mistake of the whole text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Union

from . import ast
from .bind import plain_value
from .check import check_body, check_plan
from .checked import Answer, CheckedPlan, CheckedQuery, CheckedSql, Definition, Mistaken, Origin, Table
from .declare import THING_SETTINGS, Names, Selected, Thing
from .define import refuse_cycle
from .diagnostic import FOLLOWS, Diagnostic, did_you_mean, listing, nearest
from .imports import Loader, imported_at
from .made import names_without_use, tables_dropped, tables_made, would_make
from .parse import parse_all
from .resolve import SPOKEN, parts, resolve, resolve_whole
from .scan import scan
from .settings import setting_value
from .targets import layers_of


@dataclass(frozen=True)
class CheckedLet:
    """A name and what it now stands for; an answer or a table is also a view in SQL."""

    name: str
    thing: Thing


@dataclass(frozen=True)
class CheckedSet:
    """A setting and its new value: a thing, or text or a number; None: as at the start."""

    setting: str
    value: Any
    span: ast.Span


@dataclass(frozen=True)
class CheckedShow:
    statement: ast.Show


@dataclass(frozen=True)
class CheckedNames:
    """A statement that only gives names: PARAM, DEFINE, and IMPORT with what the file's statements mean."""

    parts: tuple[Checked, ...] = ()


Checked = Union[CheckedLet, CheckedSet, CheckedShow, CheckedPlan, CheckedQuery, CheckedSql, CheckedNames]


@dataclass
class ScriptChecker:
    """Checks statements in order; `names` grows with them. Parameters that were `given` from outside stay."""

    names: Names
    given: frozenset[str] = frozenset()
    notes: list[Diagnostic] = field(default_factory=list)
    imported: set[str] = field(default_factory=set)

    def statement(self, statement: ast.Statement, origin: Origin | None = None) -> Checked:
        """What one statement means. Raises Diagnostic with every mistake in it."""
        match statement:
            case ast.Let():
                return self._let(statement, origin)
            case ast.ParamStatement():
                self._param(statement)
            case ast.SetStatement():
                return self._set(statement)
            case ast.Define():
                self._define(statement, origin)
            case ast.Import():
                return self._import(statement, origin)
            case ast.Show():
                return self._show(statement)
            case ast.PlanStatement():
                return check_plan(statement, self.names, origin)
            case ast.Query() | ast.Call() | ast.Sql():
                body = check_body(statement, self.names, origin, into=True)
                if isinstance(body, CheckedQuery):
                    self.notes += body.notes
                    if body.into is not None and not body.into_is_file:
                        self._refuse_own(body)
                        self.names.tables[body.into] = Answer(body.into, body.verb, body)
                elif isinstance(statement, ast.Sql):
                    for name in tables_made(statement.text):
                        self.names.tables[name] = Table(name)
                    for name in tables_dropped(statement.text):
                        self.names.tables.pop(name, None)
                return body
        return CheckedNames()

    def _refuse_own(self, query: CheckedQuery) -> None:
        """INTO replaces only what a query of clq made, no table that SQL of the script makes, and hides no name."""
        assert query.into is not None
        own = self.names.built_in(query.into)
        if own is not None:
            message = f"{query.into} is {SPOKEN[own.kind].one} of clq, which would hide the table; choose another name"
            raise Diagnostic("reserved-name", message, query.into_span)
        made = self.names.made.get(query.into)
        if made is not None and made.kind != "mistake":
            message = f"{query.into} is a name that LET made, which would hide the table; choose another one after INTO"
            raise Diagnostic("table-exists", message, query.into_span)
        if isinstance(self.names.tables.get(query.into), Table):
            message = f"{query.into} is made by SQL above; INTO replaces only what a query of clq made"
            raise Diagnostic("table-exists", message, query.into_span)

    def broken(self, statement: ast.Broken, text: str) -> None:
        """Names that a statement with mistakes would have made are not reported as unknown later."""
        for name in would_make(text[statement.span.start : statement.span.end]):
            self.names.made.setdefault(name, Mistaken(name))

    def _let(self, statement: ast.Let, origin: Origin | None) -> Checked:
        name, value = statement.name, statement.value
        try:
            thing = self._made(name, value, origin)
        except Diagnostic:
            self.names.made[name] = Mistaken(name)
            raise
        self.names.made[name] = thing
        return CheckedLet(name, thing)

    def _made(self, name: str, value: ast.Value, origin: Origin | None) -> Thing:
        body: ast.Query | ast.Sql | ast.Call | None = None
        if isinstance(value, ast.Subquery):
            body = value.body
        elif isinstance(value, ast.Call) and self.names.definition(value.name.text.lower()) is not None:
            body = value
        if body is not None:
            made = check_body(body, self.names, origin)
            if isinstance(made, CheckedQuery):
                self.notes += made.notes
                return Answer(name, made.verb, made)
            return Table(name, made)
        found = parts(value, None, self.names)
        if not found:
            raise Diagnostic(FOLLOWS, "known only when the query in it has run", value.span)
        if len({p.kind for p in found}) > 1:
            kinds = " and ".join(dict.fromkeys(SPOKEN[p.kind].one for p in found))
            raise Diagnostic("wrong-kind", f"A name stands for things of one kind; these are {kinds}", value.span)
        if len(found) > 1 and found[0].kind in {"model", "judge", "answer"}:
            clause = SPOKEN[found[0].kind].keyword
            written = ", ".join(p.name for p in found)
            message = f"A name stands for one {found[0].kind}; join several where they are used: {clause} {written}"
            raise Diagnostic("wrong-kind", message, value.span)
        return self._named(found, name, value.span)

    def _named(self, found: Sequence[Selected], name: str, span: ast.Span) -> Thing:
        """One thing of this name; what cannot be selected is told at its place."""
        try:
            return self.names.named(found, name)
        except Diagnostic as problem:
            problem.span = problem.span or span
            raise

    def _param(self, statement: ast.ParamStatement) -> None:
        if statement.name in self.given:
            return
        value = statement.value
        plain = plain_value(value, self.names)
        if not isinstance(plain, (str, int, float, bool, list, type(None))):
            message = "A parameter is text, a number, a name or a list of those: PARAM k = 100"
            raise Diagnostic("bad-argument", message, value.span)
        self.names.parameters[statement.name] = plain

    def _set(self, statement: ast.SetStatement) -> CheckedSet:
        setting, value = statement.setting.lower(), statement.value
        made: Any = None
        if value is not None and setting in THING_SETTINGS:
            found = resolve(value, THING_SETTINGS[setting], self.names, slot=f"SET {setting}")
            made = self._named([found], found.name, value.span) if isinstance(found, Selected) else found
        elif value is not None:
            made = setting_value(setting, plain_value(value, self.names), value.span)
        if made is None:
            self.names.settings.pop(setting, None)
        else:
            self.names.settings[setting] = made
        return CheckedSet(setting, made, statement.span)

    def _define(self, statement: ast.Define, origin: Origin | None) -> None:
        formals = [name for name, _ in statement.formals]
        for name in formals:
            if formals.count(name) > 1:
                raise Diagnostic("bad-argument", f"{name} stands twice among the arguments", statement.name_span)
        refuse_cycle(statement, self.names)
        if isinstance(statement.body, ast.Query) and statement.body.into is not None:
            message = f"INTO belongs to the call: {statement.name}(…) INTO {statement.body.into.name}"
            raise Diagnostic("unexpected", message, statement.body.into.span)
        if any(c.name == statement.name for c in self.names.constructors()):
            message = f"{statement.name}(…) is built in; choose another name"
            raise Diagnostic("reserved-name", message, statement.name_span)
        made = Definition(statement, origin or Origin("", None))
        self.names.definitions[statement.name.lower()] = made

    def _import(self, statement: ast.Import, caller: Origin | None) -> CheckedNames:
        """The names of another file: LET, PARAM, SET, DEFINE and its own imports; what computes is passed over."""
        script = statement.script
        if script is None:
            raise Diagnostic("unread-file", "No file can be imported here", statement.path_span)
        key = script.path or script.text
        if key in self.imported:
            return CheckedNames()
        self.imported.add(key)
        trail = () if caller is None else (imported_at(statement, caller.text, caller.path), *caller.trail)
        made, passed, origin = [], 0, Origin(script.text, script.path, trail)
        for one in script.statements:
            if isinstance(one, (ast.Let, ast.ParamStatement, ast.SetStatement, ast.Define, ast.Import)):
                before = len(self.notes)
                try:
                    made.append(self.statement(one, origin))
                except Diagnostic as problem:
                    raise origin.mark(problem) from problem.__cause__
                for note in self.notes[before:]:
                    origin.mark(note)
            else:
                passed += not isinstance(one, ast.Broken)
        if passed:
            what = "statement that computes was" if passed == 1 else "statements that compute were"
            message = f"{passed} {what} passed over: IMPORT takes the names of {statement.path}, it does not run it"
            self.notes.append(Diagnostic("not-imported", message, statement.path_span, severity="note"))
        return CheckedNames(tuple(made))

    def _show(self, statement: ast.Show) -> CheckedShow:
        """SHOW, with what it names looked up."""
        models = [resolve_whole(given, "model", self.names) for given in statement.of]
        for model, given in zip(models, statement.of, strict=True):
            if layers_of(model) is None:
                message = f"The layers of {model.name} are known when it runs"
                hint = "name a layer as the module is called in Python"
                raise Diagnostic("not-here", message, given.span, hint=hint)
        if statement.what == "METHOD" and isinstance(statement.name, ast.Name):
            known = [m.name for m in self.names.methods()]
            name = statement.name.text
            if name not in known:
                message = f"There is no method {name}.{did_you_mean(name, known)}"
                hint = f"methods: {listing(known)}"
                raise Diagnostic("unknown-method", message, statement.name.span, hint=hint)
        return CheckedShow(statement)


_OF_NAMES = ("unknown-name", "unknown-model", "unknown-vocabulary", "no-parameter")


def check_script(
    script: ast.Script, names: Names, given: Mapping[str, Any] | None = None, problems: Iterable[Diagnostic] = ()
) -> list[Diagnostic]:
    """All mistakes and remarks of a script, in the order of their places. `problems` are what parsing has found.

    `names` grows with what the script makes.
    """
    found = list(problems)
    names.parameters.update(given or {})
    checker = ScriptChecker(names, frozenset(given or {}))
    origin = Origin(script.text, script.path)
    # What a file that could not be imported would have made is not reported as unknown.
    follows = {FOLLOWS, *(_OF_NAMES if any(p.code in {"unread-file", "import-cycle"} for p in found) else ())}
    for statement in script.statements:
        try:
            if isinstance(statement, ast.Broken):
                checker.broken(statement, script.text)
            else:
                checker.statement(statement, origin)
        except Diagnostic as problem:
            found += (one for one in problem.every() if one.code not in follows)
            for name in would_make(script.text[statement.span.start : statement.span.end]):
                names.tables.setdefault(name, Mistaken(name))
    found += _open_transaction(script)
    if not any(p.severity == "error" for p in found):
        found += checker.notes
    found += names_without_use(script, names)
    for one in found:
        one.also = []
        origin.mark(one)
    return sorted(found, key=lambda d: (d.text is not script.text, d.span.start if d.span else -1))


def unread_parameters(
    texts: Iterable[tuple[str, str | None]], given: Iterable[str], definitions: Mapping[str, Definition] | None = None
) -> Iterator[Diagnostic]:  # fmt: skip
    """A mistake for each name that was given a value and stands in none of the texts, nor in what they import.

    The texts have their paths beside them; `definitions` are of earlier ones.
    """
    given = list(given)
    if not given:
        return
    known: dict[str, None] = {}
    todo = [definition.origin.text for definition in (definitions or {}).values()]
    for text, path in texts:
        script, _ = parse_all(text, path, definitions or (), Loader())
        imports = [node.script for node in ast.walk(script) if isinstance(node, ast.Import)]
        todo += [text, *(imported.text for imported in imports if imported is not None)]
    for text in todo:
        tokens = scan(text, [])
        known |= dict.fromkeys(token.text[1:] for token in tokens if token.kind == "param")
        known |= dict.fromkeys(two.text for one, two in pairwise(tokens) if one.up == "PARAM")
    for name in given:
        if name not in known:
            near = nearest(name, known)
            guess = f"; did you mean ${near}?" if near else ""
            hint = f"values can be given for {listing(f'${k}' for k in known)}" if known else None
            message = f"A value is given for ${name}, but no ${name} stands here{guess}"
            yield Diagnostic("no-parameter", message, hint=hint)


def _open_transaction(script: ast.Script) -> Iterator[Diagnostic]:
    """BEGIN without COMMIT: what stands after it would never be kept."""
    begun: ast.Span | None = None
    for statement in script.statements:
        word = next((t.up for t in scan(statement.text)), "") if isinstance(statement, ast.Sql) else ""
        if word in {"BEGIN", "START"} and begun is None:
            begun = ast.Span(statement.span.start, statement.span.start + len(word))
        elif word in {"COMMIT", "END", "ROLLBACK", "ABORT"}:
            begun = None
    if begun is not None:
        yield Diagnostic("sql-error", "This transaction is never ended: write COMMIT or ROLLBACK", begun)
