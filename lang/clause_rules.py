"""Mistakes around clauses: from a Failure to a message and its place, as `mistakes` asks."""

from __future__ import annotations

from difflib import get_close_matches

from .ast import Span
from .diagnostic import nearest
from .failure import TAIL_WORDS, VALUES, VERB_KINDS, Failure, Terminal, long_word
from .scan import CLAUSE_WORDS, words
from .statement_rules import FORMS
from .verbs import CLAUSES, VERBS

Told = tuple[str, Span] | None

# What people write for a clause word -> the clause.
OTHER_WORDS = {
    "VOCABULARY": "WITH", "WORDS": "WITH", "DATASET": "ON", "DATA": "ON", "OVER": "ON", "AMONG": "ON", "IMAGES": "ON",
    "MODEL": "OF", "METHOD": "USING", "VIA": "USING", "BY": "USING", "AGAINST": "CONTRAST", "VERSUS": "CONTRAST",
    "VS": "CONTRAST", "MINUS": "CONTRAST", "LAYER": "IN", "AT": "IN", "SAVE": "INTO", "AS": "INTO",
    "JUDGE": "JUDGED BY", "JUDGING": "JUDGED BY", "JUDGEDBY": "JUDGED BY", "CAPTIONS": "CAPTIONED BY",
    "CAPTION": "CAPTIONED BY", "CAPTIONEDBY": "CAPTIONED BY", "SORT": "ORDER BY", "SORTED": "ORDER BY",
    "ORDERED": "ORDER BY", "ORDERBY": "ORDER BY", "FETCH": "LIMIT", "FIRST": "LIMIT", "HEAD": "LIMIT",
    "TAKE": "LIMIT", "FILTER": "WHERE", "WHEN": "WHERE", "IF": "WHERE", "HAVING": "WHERE", "STORE": "INTO",
    "WITHIN": "IN", "METHODS": "USING", "MODELS": "OF",
}  # fmt: skip
_COMES_AFTER = {
    "OF": "The model comes", "IN": "A layer comes", "ON": "Images come", "USING": "Methods come", "WITH": "Words come",
    "CONTRAST": "What it is set against comes", "INTO": "The name of a table, or a file in quotes, comes",
    "JUDGED BY": "A judge comes", "CAPTIONED BY": "Captions come", "ORDER BY": "Columns to sort by come",
    "LIMIT": "The number of rows comes", "WHERE": "Conditions come",
}  # fmt: skip
_NOISE = words("LAYER LAYERS UNIT UNITS NEURON NEURONS THE ALL FEATURE FEATURES IMAGE JUDGES")
_AROUND = words("UNION EXCEPT INTERSECT QUALIFY WINDOW OFFSET JOIN")
_TAIL_ORDER = ("WHERE", "ORDER", "LIMIT", "INTO")
_EXAMPLES = {"WHERE": "rank = 1", "ORDER BY": "score DESC", "LIMIT": "10", "INTO": "labels"}
_TAIL_NEEDS = {
    "WHERE": "WHERE needs a condition: WHERE rank = 1",
    "BY": "ORDER BY needs a column: ORDER BY score DESC",
    "LIMIT": "LIMIT needs a whole number or a parameter: LIMIT 10",
    "INTO": "INTO needs the name of a table or a file in single quotes: INTO labels",
}
_DONE = {
    "EXPLAIN": "explained", "EVIDENCE": "shown the evidence of", "ATTRIBUTE": "attributed", "VISUALIZE": "drawn",
    "LOCATE": "located", "TRANSFER": "transferred", "TRACE": "traced", "EMBED": "embedded", "LABEL": "labelled",
    "CLUSTER": "clustered", "EVALUATE": "evaluated", "REPORT": "reported", "TRAIN": "trained",
}  # fmt: skip


def into_number(f: Failure) -> Told:
    if f.previous.kind != "INTO" or f.found.kind not in {"INT", "FLOAT"}:
        return None
    message = f"INTO names a table. How many groups is the method's: USING kmeans(clusters={f.found.text})"
    return message, f.found.span


def into_for_to(f: Failure) -> Told:
    """TRANSFER labels INTO layer4 OF labself."""
    verb, into = f.frame.verb_data(), f.frame.clause
    if verb is None or verb.name != "TRANSFER" or into is None or into.kind != "INTO" or f.found.up != "OF":
        return None
    model = f.value_after(f.at + 1) or "labself"
    there = f.text_between(into.end, f.found.start).strip()
    return f"INTO names a table; the layer of the other model comes after TO: TO {there} OF {model}", into.span


def to_without_of(f: Failure) -> Told:
    last, verb = f.frame.clause, f.frame.verb_data()
    if last is None or last.kind != "TO" or "OF" not in f.expected or f.found.text in {"[", ","}:
        return None
    there = f.text_between(last.end, f.previous.end).strip()
    if verb is not None and "TO" not in verb.clauses:
        return f"Rows are kept by INTO: INTO {there}", last.span
    if not any(c.isdigit() for c in there):
        return "TO takes a layer and its model: TO layer4 OF labself", f.found.span
    return f"Of which model? TO {there} OF labself", f.found.span


def to_file(f: Failure) -> Told:
    """EXPLAIN fc TO 'labels.csv'; INTO written as two words."""
    if f.previous.kind == "TO" and f.found.kind == "STRING":
        return f"Rows are kept by INTO: INTO {f.found.text}", f.previous.span
    name, before = f.previous, f.before(2)
    two_words = f.found.up == "TO" and f.previous.kind in {"IN", "ON"}
    if two_words or (name.up == "TO" and name.kind == "NAME" and before.kind == "IN" and f.found.kind in VALUES):
        start, at = (f.previous.start, f.at + 1) if two_words else (before.start, f.at)
        end = f.found.end if two_words else name.end
        word = "INTO" if (f.previous if two_words else before).kind == "IN" else "ON"
        if word == "INTO":
            return f"INTO is one word: INTO {f.value_after(at) or 'labels'}", Span(start, end)
    return None


def into_many(f: Failure) -> Told:
    """INTO TABLE labels, INTO a, b."""
    last = f.frame.clause
    if last is None or last.kind != "INTO":
        return None
    if f.previous.up == "TABLE" and f.found.kind in VALUES:
        return f"INTO takes the name alone: INTO {f.found.text}", f.previous.span
    if f.found.kind == "COMMA":
        return f"INTO names one table or file: INTO {f.previous.text}", f.found.span
    return None


def limit(f: Failure) -> Told:
    """LIMIT 5, 10; LIMIT '5'; LIMIT TO 5; LIMIT ALL; LIMIT 5 ROWS."""
    last = f.frame.clause
    if last is None or last.kind != "LIMIT":
        return None
    after = f.value_after(f.at + 1) or ""
    if f.found.kind == "COMMA":
        after = after or "10"
        rows = f"SELECT … FROM (…) LIMIT {after} OFFSET {f.previous.text}"
        return f"LIMIT takes one number, how many rows: LIMIT {after}. To skip some: {rows}", f.found.span
    if f.previous.kind == "INT" and f.found.up in {"ROWS", "ROW", "UNITS", "%", "PERCENT"}:
        return f"LIMIT takes a number of rows alone: LIMIT {f.previous.text}", f.found.span
    if f.previous.kind != "LIMIT":
        return None
    if f.found.up in {"ALL", "NULL", "NONE"}:
        return "Without LIMIT all rows are given: leave it out", f.found.span
    if f.found.kind == "STRING" and f.found.text.strip("'").isdigit():
        return f"LIMIT takes a number without quotes: LIMIT {f.found.text[1:-1]}", f.found.span
    if f.found.kind in {"NAME", "TO"} and after.isdigit() and len(f.found.text) <= 5:
        return f"LIMIT is followed by its number: LIMIT {after}", f.found.span
    return None


def contrast_value(f: Failure) -> Told:
    """CONTRAST low, random; CONTRAST BY low."""
    if f.frame.clause is None or f.frame.clause.kind != "CONTRAST":
        return None
    if f.found.kind == "COMMA" and f.previous.kind in {"LOW", "RANDOM"}:
        return "CONTRAST takes one of low, random and images: ask once with each", f.found.span
    if f.found.up in {"LOW", "RANDOM"} and f.previous.up in {"BY", "WITH", "TO"}:
        return f"CONTRAST is followed by its value: CONTRAST {f.found.text}", f.previous.span
    return None


def plan_of(f: Failure) -> Told:
    """EXPLAIN PLAN FOR EXPLAIN fc."""
    words_ = [t.up for t in f.fed]
    if words_[:2] != ["EXPLAIN", "PLAN"] or f.found.kind == "OF" or len(f.fed) > 4:
        return None
    verb = next((i for i in range(f.first + 2, f.end) if f.code.up(i, f.end) in VERBS), None)
    rest = f.rest_of_line(verb) if verb is not None else None
    place = Span(f.fed[0].start, f.fed[1].end)
    return f"What would run is told by PLAN: PLAN {rest or 'EXPLAIN layer4 OF labnet'}", place


def after_object(f: Failure) -> Told:
    """DISCOVER CONCEPTS layer4, DETECT OUTLIERS lab.probe, CLASSES 'boat'."""
    if f.previous.kind == "CLASSES" and f.found.kind in {"STRING", "INT"}:
        return f"CLASSES are all of them; one is CLASS {f.found.text}", f.previous.span
    word = {"CONCEPTS": "IN", "OUTLIERS": "ON"}.get(f.previous.kind)
    if word is None or f.found.kind not in VALUES | {"LPAR"} or f.found.up in {"FROM", "SET", *OTHER_WORDS}:
        return None
    if near_clause(f) is not None:
        return None
    start = f.text_between(f.before(2).start, f.previous.end).upper()
    value = f.value_after(f.at) or CLAUSES[word].example
    return f"{_COMES_AFTER[word]} after {word}: {start} {word} {value}", f.found.span


def group_by(f: Failure) -> Told:
    if f.found.up != "GROUP" or f.code.up(f.at + 1, f.end) != "BY":
        return None
    column, verb = f.value_after(f.at + 2) or "concept", f.frame.verb
    query = f"({verb.up} …)" if verb else "(…)"
    span = f.found.span.to(f.code.tokens[f.at + 1].span)
    return f"An answer is grouped in SQL: SELECT … FROM {query} GROUP BY {column}", span


def sql_after(f: Failure) -> Told:
    if f.found.up not in _AROUND or f.frame.verb is None:
        return None
    around = f"FROM ({f.frame.verb.up} …) {f.found.up}"
    return f"{f.found.up} is SQL's, which stands around a query in parentheses: {around}", f.found.span


def tail_twice(f: Failure) -> Told:
    if f.found.up not in {c.kind for c in f.frame.clauses} & TAIL_WORDS or f.found.up in f.expected:
        return None
    joined = {"WHERE": "; conditions are joined by AND", "ORDER": "; columns are joined by commas"}
    return f"{long_word(f.found.up)} stands twice{joined.get(f.found.up, '')}", f.found.span


def after_tail(f: Failure) -> Told:
    tail, last = f.frame.tail, f.frame.clause
    if tail is None or last is None or f.previous.kind in {"WHERE", "BY", "LIMIT", "INTO", "ORDER"}:
        return None
    if f.found.up in TAIL_WORDS and _TAIL_ORDER.index(f.found.up) < _TAIL_ORDER.index(last.kind):
        later = next(w for w in _TAIL_ORDER if w in {c.kind for c in f.frame.clauses} and w != f.found.up)
        if _TAIL_ORDER.index(later) < _TAIL_ORDER.index(f.found.up):
            later = last.kind
        return f"{long_word(f.found.up)} comes before {long_word(later)}", f.found.span
    if f.found.up not in CLAUSE_WORDS:
        return None
    word = long_word(tail.kind)
    return f"{word} and what follows it end a query: put {f.clause_text(f.at)} before {word}", f.found.span


def top(f: Failure) -> Told:
    after = f.code.tokens[f.at + 1] if f.at + 1 < f.end else None
    if f.found.up != "TOP" or after is None or after.kind != "number" or f.frame.verb is None:
        return None
    return f"The best {after.text} of each: WHERE rank <= {after.text}", f.found.span.to(after.span)


def other_word(f: Failure) -> Told:
    """FROM labnet; also IN WORDS lab.words, where WORDS was read as a name."""
    if f.frame.verb is None or f.frame.called:
        return None
    wrong, value_at = f.found, f.at + 1
    if not f.wants_clause or wrong.up not in OTHER_WORDS | {"FROM": "", "SET": ""}:
        wrong, value_at = f.previous, f.at
        if wrong.kind != "NAME" or f.found.kind not in VALUES or wrong.up not in OTHER_WORDS:
            return None
    elif "$END" not in f.expected and "RPAR" not in f.expected:
        return None
    if wrong.up == "FROM" and f.frame.verb.up == "TRANSFER":
        message = "An answer knows where its targets come from: TRANSFER labels TO layer4 OF labself"
        return message, wrong.span
    clause = _clause_for(f, wrong.up)
    if clause is None:
        return None
    return _comes_after(f, clause, wrong, value_at)


def _clause_for(f: Failure, word: str) -> str | None:
    """The clause that a word stands for, if the verb reads it."""
    clause, verb = OTHER_WORDS.get(word) or _from(f), f.frame.verb_data()
    if clause in CLAUSES and verb is not None and clause not in verb.clauses:
        return "USING" if clause == "CONTRAST" and "USING" in verb.clauses else None
    return clause


def _comes_after(f: Failure, clause: str, wrong: Terminal, value_at: int) -> Told:
    current, verb = f.frame.clause, f.frame.verb
    assert verb is not None
    if wrong is f.previous and (current is None or long_word(current.kind) == clause):
        return None
    if f.code.up(value_at, f.end) in {"AS", "TO", "INTO", "BY", "FIRST", "NEXT", "TOP"}:
        value_at += 1
    if wrong.up == "BY":
        using = f"USING {f.value_after(value_at) or 'falcon'}"
        return f"BY stands after JUDGED, CAPTIONED and ORDER; methods come after USING: {using}", wrong.span
    value = f.value_after(value_at) or _EXAMPLES.get(clause) or CLAUSES[clause].example
    if clause == "WHERE":
        value = f.rest_of_line(value_at) or _EXAMPLES[clause]
    if clause == "LIMIT" and not value.isdigit():
        value = _EXAMPLES[clause]
    short = f"{clause} {value}"
    before = f.text_between(verb.start, wrong.start).rstrip()
    whole = not f.frame.clauses and len(before) <= 30 and "\n" not in before and clause in CLAUSES
    return f"{_COMES_AFTER[clause]} after {clause}: {f'{before} {short}' if whole else short}", wrong.span


def _from(f: Failure) -> str:
    """FROM stands for OF where a model is still to come, else for ON."""
    verb = f.frame.verb_data()
    has_model = any(c.kind == "OF" for c in f.frame.clauses)
    return "ON" if verb is None or has_model or verb.object == "outliers" or "OF" not in verb.clauses else "OF"


def noise_word(f: Failure) -> Told:
    name, before = f.previous, f.before(2)
    if name.kind != "NAME" or name.up not in _NOISE | frozenset(OTHER_WORDS) or f.found.kind not in VALUES:
        return None
    if before.kind not in VERB_KINDS | CLAUSE_WORDS | {"BY"}:
        return None
    if name.up == "ALL" and f.found.up in {"LAYERS", "UNITS"}:
        return "A star stands for every layer: EXPLAIN * OF labnet", name.span.to(f.found.span)
    word = before.up if before.kind != "BY" else f"{f.before(3).up} BY"
    return f"{word} takes the name alone: {word} {f.value_after(f.at) or f.found.text}", name.span


def keyword_as_name(f: Failure) -> Told:
    """LABEL ON photos: ON was read as the name of what to label."""
    name, before = f.previous, f.before(2)
    if name.kind != "NAME" or name.up not in CLAUSE_WORDS or f.found.kind not in VALUES | {"LOW", "RANDOM"}:
        return None
    if before.kind == "SOURCE_VERB":
        return f"{before.up} names its object directly: {before.up} {f.value_after(f.at) or f.found.text}", name.span
    return _need(f, before, name.span)


def missing_by(f: Failure) -> Told:
    if f.previous.kind not in {"JUDGED", "CAPTIONED", "ORDER"} or "BY" not in f.expected:
        return None
    word = f.previous.kind
    example = {"JUDGED": "labclip", "CAPTIONED": "lab.captions", "ORDER": "score"}[word]
    instead = f.found.up in CLAUSE_WORDS | {"WITH", "AS", "FROM"}
    return f"{word} is followed by BY: {word} BY {f.value_after(f.at + instead) or example}", f.found.span


def missing_object(f: Failure) -> Told:
    word = {"DISCOVER": "CONCEPTS", "DETECT": "OUTLIERS"}.get(f.previous.kind)
    if word is None:
        return None
    return f"{f.previous.kind} is followed by {word}: {VERBS[f.previous.kind].example}", f.found.span


def misspelt_clause(f: Failure) -> Told:
    if not ("$END" in f.expected or "RPAR" in f.expected) or f.found.kind != "NAME" or f.frame.verb is None:
        return None
    if f.frame.called or f.found.text in f.code.text[: f.found.start].split():
        return None
    near = near_clause(f)
    if near is None or (f.code.up(f.at + 1, f.end) in {",", ""} and f.at + 1 >= f.end):
        return None
    if near in OTHER_WORDS or near == "FROM":
        clause = _clause_for(f, near)
        return _comes_after(f, clause, f.found, f.at + 1) if clause is not None else None
    return f"No clause is called {f.found.text}. Did you mean {long_word(near)}?", f.found.span


def near_clause(f: Failure) -> str | None:
    """The word, of those that could stand here, that this one is a misspelling of."""
    verb, seen = f.frame.verb_data(), {long_word(c.kind) for c in f.frame.clauses}
    able = [c for c in CLAUSES if f.wants_clause and c not in seen and (verb is None or c in verb.clauses)]
    able += [long_word(w) for w in _TAIL_ORDER if f.wants_clause or w in f.expected]
    here = [w.split()[0] for w in able]
    known = [*here, *(["FROM"] if f.wants_clause and {"OF", "ON"} & set(here) else [])]
    word = f.found.up
    turned = next((w for w in known if w != word and sorted(w) == sorted(word)), None)
    if turned is not None or len(word) <= 2:
        return turned
    more = [c.split()[0] for c in CLAUSES if f.wants_clause and c.split()[0] not in known]
    others = get_close_matches(word, [w for w in OTHER_WORDS if len(w) > 4], n=1, cutoff=0.85)
    return nearest(word, here) or nearest(word, more) or (others[0] if others and word.isalpha() else None)


def needs(f: Failure) -> Told:
    if f.frame.clause is not None and f.frame.clause.kind == "CHANGING" and f.expected & {"EQUAL", "FLOAT"}:
        return "CHANGING sets concepts to numbers: CHANGING water = 0", f.found.span
    return _need(f, f.previous, f.found.span)


def _need(f: Failure, word: Terminal, span: Span) -> Told:
    """What the keyword `word` is followed by."""
    if word.kind in _TAIL_NEEDS and (word.kind != "BY" or (f.frame.clause and f.frame.clause.kind == "ORDER")):
        return _TAIL_NEEDS[word.kind], span
    if word.kind in {"TARGET_VERB", "SOURCE_VERB"}:
        verb = f.frame.verb_data()
        if verb is None:
            return None
        return f"What should be {_DONE[verb.name]}? {verb.example}", span
    kind = f.before(2).kind if word.kind == "BY" else word.kind
    clause = CLAUSES.get(long_word(kind))
    if clause is not None and word.kind in {kind, "BY"}:
        return f"{clause.keyword} needs {clause.takes}: {clause.keyword} {clause.example}", span
    if word.kind in FORMS:
        return FORMS[word.kind], span
    return None
