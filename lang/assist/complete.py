"""What could be written at a place of an unfinished text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..declare import THING_SETTINGS, Kind, MethodDeclaration, Names, Thing
from ..failure import STATEMENT_KINDS, Failure
from ..methods import ALWAYS_READ
from ..scan import BEFORE_SUBQUERY, SETTINGS, SHOW_WORDS, SQL_STARTS, scan, words
from ..settings import BACKENDS, PRECISIONS
from ..verbs import CLAUSES, TAIL, Verb
from .calls import CallAt, call_at
from .made import made_in
from .models import models_at
from .offers import Completion, Offers
from .spot import Spot, spot_at
from .tables import answer_verb, sources_at, wants_table

STATEMENT_WORDS = ("LET", "PARAM", "SET", "RESET", "DEFINE", "IMPORT", "SHOW", "PLAN")
DEVICES = ("cpu", "cuda")
TARGET_WORDS = ("CLASS", "CLASSES", "GROUP", "GROUPS", "FAILURE", "FAILURES", "SYNSET", "TEXT", "MODEL")
_OPERATORS = words("AND OR NOT = <> != < <= > >= IN LIKE ILIKE BETWEEN IS ( , + - * / || WHERE BY SELECT ON HAVING")
_NO_SPACE_AFTER = words(") ] }")
_CLAUSE_KINDS: dict[str, tuple[Kind, ...]] = {
    "OF": ("model",), "ON": ("dataset",), "CONTRAST": ("dataset",), "WITH": ("vocabulary",),
    "CAPTIONED": ("captions",), "JUDGED": ("judge",),
}  # fmt: skip
_SOURCE_KINDS: dict[str, tuple[Kind, ...]] = {
    "EVALUATE": ("answer",), "EVIDENCE": ("answer",), "TRAIN": ("model",),
    "EMBED": ("dataset", "vocabulary", "captions"),
}  # fmt: skip


def complete(text: str, offset: int, names: Names) -> list[Completion]:
    """What could be written at an offset, most likely first, fitting the word that has been begun there.

    `names` are those known at this place; names of statements before it that have mistakes are offered as well.
    """
    spot = spot_at(text, offset, names.defined())
    if spot is None or _touches(spot):
        return []
    made = {m.name: m for m in made_in(scan(text[: spot.base], []), names)}
    return fitting(_Asked(spot, names, Offers(spot, names, made)).all(), spot.word)


def fitting(found: Iterable[Completion], word: str) -> list[Completion]:
    """Each label once: those that begin with the word, or a part of them does; else those that contain it."""
    unique = list({c.label: c for c in reversed(list(found))}.values())[::-1]
    low = word.lower()
    begin = [c for c in unique if c.label.lower().startswith(low)]
    begin += [c for c in unique if c not in begin and any(p.startswith(low) for p in c.label.lower().split("."))]
    return begin or [c for c in unique if low in c.label.lower()]


def _touches(spot: Spot) -> bool:
    """Directly after a value nothing can begin."""
    if spot.cursor == 0 or spot.word or spot.quoted:
        return False
    before = spot.code.tokens[spot.cursor - 1]
    ends_value = before.kind != "punct" or before.up in _NO_SPACE_AFTER
    return ends_value and spot.base + before.end == spot.start


class _Asked:
    """What is asked for at one spot."""

    def __init__(self, spot: Spot, names: Names, offers: Offers) -> None:
        self.spot, self.names, self.offers = spot, names, offers

    def all(self) -> Iterator[Completion]:
        if self.spot.quoted:
            yield from self._in_quotes()
        elif self.spot.mode == "start":
            yield from self._statement()
        elif self.spot.mode == "sql":
            yield from self._sql()
        elif self.spot.read is not None:
            yield from self._clq(self.spot.read)

    def _statement(self) -> Iterator[Completion]:
        yield from self.offers.verbs()
        yield from self.offers.keywords(STATEMENT_WORDS)
        yield from self.offers.definitions()
        yield from self.offers.keywords(sorted(SQL_STARTS - set(STATEMENT_WORDS)), "SQL")

    def _in_quotes(self) -> Iterator[Completion]:
        """Text has words of its own only where an argument or the classes of a model say which."""
        call, read = call_at(self.spot, self.names), self.spot.read
        if call is not None:
            chosen = call.argument or call.positional
            if chosen is not None and chosen.type == "choice":
                yield from self.offers.values(chosen, each=False)
            elif chosen is not None and chosen.known is not None:
                yield from (self.offers.one(name, "value") for name in chosen.known())
        elif read is not None and self.spot.mode == "clq" and _in_classes(read):
            yield from self.offers.classes(models_at(self.spot, self.names) or self._any_models())

    # ------------------------------------------------------------------ clq

    def _clq(self, read: Failure) -> Iterator[Completion]:
        frame, expected = read.frame, read.expected
        call = call_at(self.spot, self.names)
        if call is not None:
            if "NAME" in expected or "STRING" in expected:
                yield from self._argument(call)
            return
        if "TARGET_VERB" in expected:
            yield from self.offers.verbs()
            yield from self.offers.keywords(["ANALYZE"] if "ANALYZE" in expected else [])
            yield from self.offers.definitions()
            yield from self.offers.keywords(["SELECT", "FROM", "WITH"] if "SQL" in expected else [], "SQL")
            return
        if all(f.verb is None for f in read.frames) and (not read.fed or read.fed[0].kind in STATEMENT_KINDS):
            yield from self._in_statement(read)
            return
        in_list = frame.opener is not None and frame.opener.kind == "LSQB"
        if "STRING" in expected and _in_classes(read):
            yield from self.offers.classes(models_at(self.spot, self.names) or self._any_models())
            if in_list:
                return
        elif in_list and "NAME" not in expected:
            yield from self.offers.parameters() if "PARAMETER" in expected else ()
            return
        if "NAME" in expected:
            yield from self._value(read)
        elif "PARAMETER" in expected and "CONDITION" not in expected:
            yield from self.offers.parameters()
        yield from self._words(read)

    def _in_statement(self, read: Failure) -> Iterator[Completion]:
        """After LET x =, SET …, SHOW …: what these statements take."""
        fed, offers = read.fed, self.offers
        kind, last = (fed[0].kind, read.previous) if fed else (self.spot.code.up(0, 1), None)
        if kind == "SHOW":
            yield from self._show(read)
        elif kind in {"SET", "RESET"} and len(fed) <= 1:
            for setting in SETTINGS:
                value = self.names.setting(setting)
                now = "" if value is None else f"now {getattr(value, 'name', value)}"
                yield offers.one(setting, "setting", now)
        elif kind == "SET" and last is not None and last.kind in {"EQUAL", "TO"}:
            setting = fed[1].text.lower()
            if setting in THING_SETTINGS:
                yield from offers.things(THING_SETTINGS[setting])
            elif setting == "device":
                yield from (offers.one(d, "value") for d in DEVICES)
            elif setting in {"backend", "precision"}:
                yield from (offers.one(v, "value") for v in (BACKENDS if setting == "backend" else PRECISIONS))
            yield from offers.parameters()
        elif kind == "LET" and "NAME" in read.expected and len(fed) > 2:
            yield from offers.things("model", "dataset", "vocabulary", "captions", "judge", "answer", "table")
            yield from offers.definitions()
        elif kind == "PARAM" and "NAME" in read.expected and len(fed) > 2:
            yield from offers.things("model", "dataset", "vocabulary", "captions", "judge", rows=False)
        elif kind == "DEFINE" and "AS" in read.expected:
            yield from offers.keywords(["AS"])

    def _show(self, read: Failure) -> Iterator[Completion]:
        fed, last = read.fed, read.previous
        what = fed[1].up if len(fed) > 1 else ""
        if not what:
            yield from self.offers.keywords(sorted(SHOW_WORDS))
        elif last.kind == "OF" or (last.kind == "COMMA" and what == "LAYERS"):
            yield from self.offers.things("model", rows=False)
        elif last.kind == "FOR" or (what == "VERB" and len(fed) == 2):
            yield from self.offers.verbs()
        elif len(fed) == 2 and what in {"LAYERS", "METHODS"}:
            yield from self.offers.keywords(["OF" if what == "LAYERS" else "FOR"])
        elif len(fed) == 2 and what == "METHOD":
            yield from self.offers.methods(self.names.methods())

    def _argument(self, call: CallAt) -> Iterator[Completion]:
        offers = self.offers
        if call.signature is None:
            yield from (offers.one(f"{f}=", "argument", f"of {call.name}") for f in call.formals if f not in call.given)
            if call.formals or not call.begins:
                yield from offers.things("model", "dataset", "vocabulary", "captions", "judge")
            return
        if call.argument is not None:
            yield from offers.values(call.argument, each=call.is_method and not call.in_each)
            return
        if call.begins:
            yield from offers.arguments(call.signature, set(call.given))
            first = call.positional
            if first is not None and first.name not in call.given and first.type in {"choice", "thing"}:
                yield from offers.values(first, each=False, bare=False)

    def _value(self, read: Failure) -> Iterator[Completion]:
        """Where a name can begin: the object of the verb, or what the clause takes."""
        # A list, and parentheses that hold no query yet, belong to the clause outside.
        frame = next((f for f in reversed(read.frames) if f.verb is not None), read.frame)
        verb, clause = frame.verb_data(), frame.clause
        if verb is None:
            return
        kind = clause.kind if clause is not None else ""
        if kind == "USING":
            yield from self.offers.methods(self._fitting_methods(verb))
            yield from self.offers.parameters()
        elif kind in _CLAUSE_KINDS:
            kind = "TO" if kind == "OF" and self._is_of_to(read) else kind
            yield from self.offers.things(*_CLAUSE_KINDS.get(kind, ("model",)), rows=kind not in {"OF", "TO"})
        elif kind in {"IN", "TO"}:
            yield from self.offers.layers(models_at(self.spot, self.names))
            yield from self.offers.parameters()
        elif kind == "FOR" or (not kind and verb.object == "targets"):
            yield from self.offers.layers(models_at(self.spot, self.names) or self._any_models())
            yield from self.offers.keywords(self._target_words(verb, kind), "a target")
            yield from self.offers.things("answer", "table")
        elif not kind:
            kinds = _SOURCE_KINDS.get(verb.name, ("dataset",))
            yield from self.offers.things(*kinds, rows=verb.name != "TRAIN")
            yield from self.offers.definitions() if kinds == ("answer",) else ()

    def _any_models(self) -> list[Thing]:
        """Where no model is named yet: those the text has given names, else those that are there from the start."""
        if any(s.keyword == "OF" for s in self.spot.segments()):
            return []
        known = [(n, self.names.find(n)) for n in self.names.names("model")]
        own = [thing for name, thing in known if thing is not None and name in self.offers.made]
        return own or [thing for _, thing in known if thing is not None]

    @staticmethod
    def _is_of_to(read: Failure) -> bool:
        clauses = read.frame.clauses
        return len(clauses) > 1 and clauses[-2].kind == "TO"

    def _fitting_methods(self, verb: Verb) -> list[MethodDeclaration]:
        """The verb's methods, those first that read every clause written."""
        used = {s.keyword for s in self.spot.segments()} & set(CLAUSES) - ALWAYS_READ
        every = self.names.methods(verb.name)
        return sorted(every, key=lambda m: len(used - m.clauses))

    def _target_words(self, verb: Verb, clause: str) -> list[str]:
        """Kinds of target that the verb takes, and one of its methods where it has some."""
        able = {t for m in self.names.methods(verb.name) for t in m.targets}
        kinds = set(verb.targets) if clause != "FOR" else {w.lower() for w in TARGET_WORDS} - {"model"}
        if able and clause != "FOR":
            kinds &= able
        return [w for w in TARGET_WORDS if w.lower() in kinds]

    def _words(self, read: Failure) -> Iterator[Completion]:
        """The words of the language that could come next."""
        expected, verb = read.expected, read.frame.verb_data()
        yield from self.offers.keywords(w for w in ("CONCEPTS", "OUTLIERS", "BY", "LOW", "RANDOM") if w in expected)
        if "OF" in expected and "USING" not in expected:
            yield self.offers.clause("OF")
            return
        used = {s.keyword for s in self.spot.segments()}
        if verb is not None:
            readable = self._readable(verb, read)
            for keyword in CLAUSES:
                if keyword.split()[0] in expected and keyword in readable - used:
                    yield self.offers.clause(keyword)
        for keyword in TAIL:
            if keyword.split()[0] in expected and keyword not in used:
                yield self.offers.one(keyword, "clause", "of the answer's rows")

    def _readable(self, verb: Verb, read: Failure) -> set[str]:
        """The clauses that the verb reads and, where methods are named, one of them."""
        words = {t.kind for t in read.fed} & set(TARGET_WORDS)
        clauses = set(verb.clauses) - {keyword for keyword in ("IN", "FOR") if not says(verb, keyword, words)}
        known = {m.name: m for m in self.names.methods(verb.name)}
        using = next((s.text for s in self.spot.segments() if s.keyword == "USING"), "")
        named = [known[t.text] for t in scan(using, []) if t.text in known]
        if not named:
            return clauses
        return {c for c in clauses if c in ALWAYS_READ or any(c in m.clauses for m in named)}

    # ------------------------------------------------------------------ SQL

    def _sql(self) -> Iterator[Completion]:
        part, read, offers = self.spot.sql, self.spot.read, self.offers
        assert part is not None
        sources, before = sources_at(self.spot, self.names), part.before
        dot = self.spot.word.rfind(".")
        if dot >= 0:
            owner = self.spot.word[:dot]
            for source in sources:
                if source.name.lower() == owner.lower():
                    for c in offers.columns(source.columns, source.of):
                        yield offers.one(f"{owner}.{c.label}", "column", c.detail, c.documentation)
        if wants_table(part):
            yield from offers.named("answer", "table", "dataset", "vocabulary", "captions")
            yield from offers.definitions()
            return
        if before is not None and before.up == "(":
            opener = part.code.up(part.cursor - 2, part.cursor)
            if part.cursor - 2 < part.first or opener in BEFORE_SUBQUERY:
                yield from offers.verbs()
                yield from offers.keywords(["SELECT"], "SQL")
        for source in sources:
            yield from offers.columns(source.columns, source.of)
        if read is not None:
            verb = answer_verb(self.spot, self.names)
            if verb is not None and read.previous.kind != "SQL":
                yield from offers.columns(verb.columns, f"the answer of {verb.name}")
            yield from self._after_condition(read)
        yield from offers.parameters()

    def _after_condition(self, read: Failure) -> Iterator[Completion]:
        """After a whole comparison in WHERE, or a column in ORDER BY: what goes on it, and what ends it."""
        part = self.spot.sql
        kind = read.previous.kind
        if part is None or part.before is None or part.before.up in _OPERATORS or kind not in {"CONDITION", "ORDERING"}:
            return
        inside = any(a < part.cursor <= b for a, b in part.code.partner.items() if a >= part.first)
        yield from self.offers.keywords(["AND", "OR"] if kind == "CONDITION" else ["ASC", "DESC"])
        used = {s.keyword for s in self.spot.segments()}
        for keyword in TAIL[1:] if not inside else ():
            if keyword not in used:
                yield self.offers.one(keyword, "clause")


def says(verb: Verb, keyword: str, targets: set[str]) -> bool:
    """Whether IN or FOR says something beside the targets written: units of a layer need neither."""
    if verb.object != "targets" or verb.name == "TRACE":
        return True
    return "FAILURES" in targets or verb.name != "EXPLAIN" if keyword == "FOR" else bool(targets)


def _in_classes(read: Failure) -> bool:
    """Whether text here is the name of a class: after CLASS, also the second of several."""
    for terminal in reversed(read.fed):
        if terminal.kind not in {"STRING", "INT", "PARAMETER", "COMMA", "LSQB"}:
            return terminal.kind == "CLASS"
    return False
