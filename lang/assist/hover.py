"""What stands at a place of a text, told in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..ast import Span
from ..bind import describe
from ..checked import Definition
from ..declare import (
    THING_SETTINGS,
    ConstructorDeclaration,
    DescribedThing,
    MethodDeclaration,
    Names,
    Parameter,
    Signature,
    Thing,
)
from ..diagnostic import Diagnostic, listing
from ..failure import TAIL_WORDS, VERB_KINDS, Failure, long_word
from ..resolve import SPOKEN
from ..scan import CLAUSE_WORDS, scan
from ..statements import SETTINGS
from ..targets import layers_of
from ..text import unparse
from ..verbs import CLAUSES, Column, Verb
from .calls import call_at
from .complete import TARGET_WORDS
from .made import made_in, statement_around
from .models import models_at
from .offers import columns_of
from .spot import Spot, spot_at, verb_named
from .tables import answer_verb, sources_at, verb_defined, wants_table

_LONGEST = 400


@dataclass(frozen=True)
class Hover:
    span: Span
    markdown: str


def hover(text: str, offset: int, names: Names) -> Hover | None:
    """What is known of the word at an offset, or None."""
    begins = 0 <= offset < len(text) and (text[offset].isalnum() or text[offset] in "_$")
    spot = spot_at(text, offset + begins, names.defined())
    if spot is None or spot.quoted or spot.start >= spot.end:
        return None
    told = _Told(spot, names).markdown()
    return Hover(Span(spot.start, spot.end), told) if told else None


class _Told:
    def __init__(self, spot: Spot, names: Names) -> None:
        self.spot, self.names = spot, names
        self.word = spot.text[spot.start : spot.end]
        self.up = self.word.upper()
        after = spot.later[0] if spot.later else None
        self.after = after.up if after is not None else ""
        self.called = after is not None and after.up == "(" and after.start == spot.end

    def markdown(self) -> str | None:
        if self.word.startswith("$"):
            return self._parameter(self.word[1:])
        if self.spot.mode == "sql":
            return self._sql()
        read = self.spot.read
        if read is None:
            verb = verb_named(self.word)
            return self._verb(verb) if verb is not None else self._function()
        return self._clq(read)

    # ------------------------------------------------------------------ clq

    def _clq(self, read: Failure) -> str | None:
        expected, verb = read.expected, read.frame.verb_data()
        call = call_at(self.spot, self.names)
        if call is not None:
            if call.signature is not None and call.begins and self.after == "=":
                named = call.signature.parameter(self.word.lower())
                return _argument(named, call.signature) if named is not None else None
            thing = self._function() if self.called else self._thing(self.word)
            chosen = call.argument or call.positional
            if thing is None or (chosen is not None and chosen.type not in {"thing", "list"}):
                return _argument(chosen, call.signature) if chosen is not None and call.signature else thing
            return thing
        if expected & (VERB_KINDS | {"VERB"}) and verb_named(self.word) is not None:
            found = verb_named(self.word)
            return self._verb(found) if found is not None else None
        if self.up == "BY" and "BY" in expected:
            return self._word(long_word(read.previous.kind), verb)
        if self.up in expected and (self.up in CLAUSE_WORDS or self.up in TAIL_WORDS):
            return self._word(long_word(self.up), verb)
        if self.up in expected and self.up in TARGET_WORDS and verb is not None:
            return self._target_word(verb)
        if read.fed and read.fed[0].kind in {"SET", "RESET", "SHOW"} and not any(f.verb for f in read.frames):
            return self._in_statement(read)
        if "NAME" not in expected:
            return None
        return self._name(read)

    def _in_statement(self, read: Failure) -> str | None:
        what = read.fed[1].up if len(read.fed) > 1 else ""
        if read.fed[0].kind != "SHOW" and not what:
            return self._setting(self.word.lower())
        if what == "METHOD":
            return self._method(None)
        return self._function() if self.called else self._thing(self.word)

    def _name(self, read: Failure) -> str | None:
        frame = next((f for f in reversed(read.frames) if f.verb is not None), read.frame)
        clause, verb = frame.clause, frame.verb_data()
        kind = clause.kind if clause is not None else ""
        if kind == "USING":
            return self._method(verb)
        if self.called:
            return self._function()
        if verb is not None and (kind in {"IN", "TO", "FOR"} or (not kind and verb.object == "targets")):
            return self._layer() or self._thing(self.word)
        return self._thing(self.word)

    # ------------------------------------------------------------------ SQL

    def _sql(self) -> str | None:
        part, read = self.spot.sql, self.spot.read
        assert part is not None
        if self.called:
            return self._function()
        if wants_table(part):
            return self._thing(self.word)
        owner, _, last = self.word.rpartition(".")
        for source in sources_at(self.spot, self.names):
            if not owner or source.name.lower() == owner.lower():
                for column in source.columns:
                    if isinstance(column, Column) and column.name.lower() == last.lower():
                        return _column(column, source.of)
        verb = answer_verb(self.spot, self.names) if read is not None and read.previous.kind != "SQL" else None
        for column in verb.columns if verb is not None and not owner else ():
            if column.name.lower() == last.lower():
                return _column(column, f"the answer of {verb.name}" if verb is not None else "")
        return self._thing(self.word) or (self._thing(owner) if owner else None)

    # ------------------------------------------------------------------ words

    def _verb(self, verb: Verb) -> str:
        lines = [f"**{verb.name}**: {verb.summary}", _code(verb.example)]
        reads = [c for c in CLAUSES if c in verb.clauses]
        if reads:
            lines.append(f"Reads {', '.join(reads)}.")
        methods = [m.name for m in self.names.methods(verb.name)]
        if methods:
            lines.append(f"Methods: {', '.join(methods)}.")
        return "\n\n".join([*lines, _columns(verb.columns)])

    def _word(self, keyword: str, verb: Verb | None) -> str | None:
        clause = CLAUSES.get(keyword)
        if clause is None:
            about = {
                "WHERE": "which of the answer's rows stay, as a condition of SQL",
                "ORDER BY": "the order of the answer's rows, as in SQL", "LIMIT": "how many rows stay at most",
                "INTO": "the table, or the file in quotes, that the answer goes to",
            }  # fmt: skip
            if keyword not in about:
                return None
            columns = f"\n\n{_columns(verb.columns)}" if verb is not None and keyword in {"WHERE", "ORDER BY"} else ""
            return f"**{keyword}**: {about[keyword]}{columns}"
        lines = [f"**{keyword}** takes {clause.takes}", _code(f"{keyword} {clause.example}")]
        if clause.several:
            lines.append(f"Several {clause.several} are joined by commas.")
        if verb is not None:
            able = [m.name for m in self.names.methods(verb.name) if keyword == "USING" or keyword in m.clauses]
            if able:
                lines.append(f"{'Methods' if keyword == 'USING' else 'Read by'}: {', '.join(able)}.")
        return "\n\n".join(lines)

    def _target_word(self, verb: Verb) -> str:
        able = [m.name for m in self.names.methods(verb.name) if self.up.lower() in m.targets]
        methods = f"taken by {', '.join(able)}" if able else f"no method of {verb.name} takes it"
        return f"**{self.up}** is a kind of target; {methods}"

    def _setting(self, name: str) -> str | None:
        if name not in SETTINGS:
            return None
        kind = THING_SETTINGS.get(name)
        takes = SPOKEN[kind].takes if kind is not None else SETTINGS[name].takes
        value = self.names.setting(name)
        now = "not set" if value is None else f"now `{getattr(value, 'name', value)}`"
        return f"**{name}** is a setting: {takes}; {now}"

    def _parameter(self, name: str) -> str | None:
        value = self.names.parameters.get(name)
        written = self._written(name, "PARAM")
        if value is None and written is None:
            return f"**${name}** is an argument of this query, or a parameter without a value yet"
        return f"**${name}** is `{value}`" if written is None else f"**${name}**\n\n{_code(written)}"

    # ------------------------------------------------------------------ what names stand for

    def _function(self) -> str | None:
        made = next((c for c in self.names.constructors() if c.name == self.word), None)
        if made is not None:
            return _constructor(made)
        found = self.names.definition(self.word.lower())
        return _definition(found) if found is not None else self._thing(self.word)

    def _method(self, verb: Verb | None) -> str | None:
        every = [*(self.names.methods(verb.name) if verb is not None else ()), *self.names.methods()]
        method = next((m for m in every if m.name == self.word), None)
        return _method(method) if method is not None else None

    def _layer(self) -> str | None:
        lines = []
        for model in models_at(self.spot, self.names):
            layers = layers_of(model) or {}
            if self.word in layers:
                units = layers[self.word]
                count = "how many units is known when it runs" if units is None else f"{units} units, 0 to {units - 1}"
                lines.append(f"**{self.word}** is a layer of {model.name}: {count}")
        return "\n\n".join(lines) or None

    def _thing(self, name: str) -> str | None:
        thing = self.names.find(name)
        written = self._written(name, "LET", "INTO", "TABLE")
        if thing is None or thing.kind not in SPOKEN:
            return f"**{name}**\n\n{_code(written)}" if written is not None else None
        lines = [f"**{name}** is {SPOKEN[thing.kind].one}"]
        if written is not None:
            lines.append(_code(written))
        lines += [f"- {key}: {value}" for key, value in _facts(thing)]
        return "\n\n".join([*lines[: 1 + (written is not None)], "\n".join(lines[1 + (written is not None) :])]).strip()

    def _written(self, name: str, *makers: str) -> str | None:
        """The statement of this text that made a name, the last one before the spot."""
        tokens = scan(self.spot.text[: self.spot.base], [])
        found = [m for m in made_in(tokens) if m.name == name and m.word in makers]
        if not found:
            return None
        span = statement_around(tokens, found[-1].token)
        text = self.spot.text[span.start : span.end]
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _facts(thing: Thing) -> Iterator[tuple[str, str]]:
    if isinstance(thing, DescribedThing):
        try:
            yield from thing.describe().items()
        except Diagnostic as problem:  # a file of it is gone
            yield "problem", problem.message
    columns = columns_of(thing)
    if columns and thing.kind not in {"answer", "table"}:
        yield "columns", listing(columns)


def _code(text: str) -> str:
    return f"```clq\n{text}\n```"


def _columns(columns: Iterable[Column]) -> str:
    rows = [f"| {c.name} | {c.type} | {c.meaning} |" for c in columns]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


def _column(column: Column, of: str) -> str:
    return f"**{column.name}** {column.type}, of {of}: {column.meaning}"


def _argument(p: Parameter, signature: Signature) -> str:
    return f"**{p.name}** of {signature.name}\n\n{describe(p)}"


def _arguments(parameters: Sequence[Parameter]) -> list[str]:
    return ["\n".join(f"- {describe(p)}" for p in parameters)] if parameters else []


def _method(method: MethodDeclaration) -> str:
    lines = [f"**{method.name}** ({', '.join(method.verbs)}): {method.summary}", *_arguments(method.parameters)]
    reads = [c for c in CLAUSES if c in method.clauses]
    if reads:
        lines.append(f"Reads {', '.join(reads)}.")
    if method.needs:
        lines.append(f"Needs {', '.join(sorted(method.needs))}.")
    return "\n\n".join([*lines, *([method.citation.text()] if method.citation is not None else [])])


def _constructor(one: ConstructorDeclaration) -> str:
    lines = [f"**{one.name}(…)** makes {SPOKEN[one.kind].one}: {one.summary}", *_arguments(one.parameters)]
    return "\n\n".join([*lines, *([one.citation.text()] if one.citation is not None else [])])


def _definition(found: Definition) -> str:
    verb = verb_defined(found)
    answer = f"\n\n{_columns(verb.columns)}" if verb is not None else ""
    return f"**{found.statement.name}** is a defined query\n\n{_code(unparse(found.statement))}{answer}"
