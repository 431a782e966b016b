"""One table of syntax mistakes: a row has a code, a rule that recognises it and tells what to write, and wrong queries.

The examples mark in ‹ › what the caret should stand under, beside the message; a test holds every row to its examples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import clause_rules as clauses
from . import value_rules as values
from .ast import Span
from .diagnostic import Diagnostic, nearest
from .failure import Failure, Terminal
from .scan import CLQ_STARTS, SQL_STARTS, Code

__all__ = ["MISTAKES", "Failure", "Mistake", "Terminal", "classify", "unknown_statement"]

Told = tuple[str, Span]
Then = Literal["clause", "statement", "nothing"]


@dataclass(frozen=True)
class Mistake:
    """`tells` gives the message and its place, or None if the failure is of another kind.

    `then` is what follows: the next clause, another statement, or nothing that could be told apart from the mistake.
    """

    name: str
    code: str
    tells: Callable[[Failure], Told | None]
    examples: tuple[tuple[str, str], ...]
    then: Then = "clause"


# From the particular to the general: the first row that recognises a failure tells it.
# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake("comment", "unexpected", values.comment, (
        ("EXPLAIN layer4 OF labnet ‹#› why", "Comments begin with --"),
        ("EXPLAIN layer4 ‹//› why", "Comments begin with --"),
    ), then="nothing"),
    Mistake("two dots in a slice", "unexpected", values.slice_dots, (
        ("EXPLAIN layer4[0‹..›64] OF labnet", "A slice is written with a colon: layer4[0:64]"),
        ("EXPLAIN layer4[0‹-›64] OF labnet", "A slice is written with a colon: layer4[0:64]"),
        ("EXPLAIN layer4[0 ‹TO› 64] OF labnet", "A slice is written with a colon: layer4[0:64]"),
    )),
    Mistake("units without brackets", "unexpected", values.selection, (
        ("EXPLAIN layer4[‹]› OF labnet", "Numbers, slices, names in quotes or a subquery select: layer4[0:64]"),
        ("EXPLAIN layer4[‹a›:b] OF labnet", "Numbers, slices, names in quotes or a subquery select: layer4[0:64]"),
        ("EXPLAIN layer4‹(›0:64) OF labnet", "Units are selected in square brackets: layer4[0:64]"),
        ("EXPLAIN layer4 ‹unit› 3 OF labnet", "Units stand in brackets after their layer: layer4[3]"),
        ("EXPLAIN ‹layer› 4 OF labnet", "A layer is written by its name, its units in brackets: layer4[0:64]"),
    )),
    Mistake("text for a name", "unexpected", values.text_for_name, (
        ("EXPLAIN layer4 OF ‹'labnet'›", "Single quotes enclose text; names stand without: OF labnet"),
    )),
    Mistake("query without parentheses", "nested-query", values.bare_query, (
        ("LET q = ‹EXPLAIN› layer4 OF labnet", "Put the query in parentheses: LET q = (EXPLAIN …)"),
        ("EVALUATE ‹EXPLAIN› layer4 OF labnet USING truth", "Put the query in parentheses: EVALUATE (EXPLAIN …)"),
    )),
    Mistake("SQL without parentheses", "nested-query", values.bare_sql, (
        ("LET q = ‹SELECT› * FROM t", "Put the query in parentheses: LET q = (SELECT …)"),
        ("EXPLAIN layer4 ON ‹SELECT› image FROM t", "Put the query in parentheses: ON (SELECT …)"),
    ), then="nothing"),
    Mistake("number of groups", "unexpected", clauses.into_number, (
        ("CLUSTER lab.probe INTO ‹10› GROUPS USING kmeans",
         "INTO names a table. How many groups is the method's: USING kmeans(clusters=10)"),
    )),
    Mistake("INTO for TO", "unexpected", clauses.into_for_to, (
        ("TRANSFER labels ‹INTO› layer4 OF labself",
         "INTO names a table; the layer of the other model comes after TO: TO layer4 OF labself"),
    )),
    Mistake("target without a kind", "unexpected", values.bare_target, (
        ("ATTRIBUTE ‹'boat'› OF labnet", "What is 'boat'? Write CLASS 'boat', TEXT 'boat' or SYNSET 'boat.n.01'"),
        ("LOCATE ‹'bird'› ON lab.probe", "What is 'bird'? Write CLASS 'bird', TEXT 'bird' or SYNSET 'bird.n.01'"),
        ("EXPLAIN ‹7› OF labnet", "What is 7? Write CLASS 7 for a class, or name a layer: layer4[7]"),
    )),
    Mistake("class without quotes", "unexpected", values.bare_constant, (
        ("ATTRIBUTE CLASS ‹boat› OF labnet", "A class is text or a number: CLASS 'boat'"),
        ('ATTRIBUTE CLASS ‹"boat"› OF labnet', "A class is text or a number: CLASS 'boat'"),
        ("LOCATE SYNSET ‹bird.n.01›", "A synset is text: SYNSET 'bird.n.01'"),
        ("ATTRIBUTE TEXT ‹bird› ON 'a.jpg'", "Text stands in single quotes: TEXT 'bird'"),
        ("EXPLAIN class ‹OF› labnet", 'CLASS needs text or a number; a layer of that name is written "class"'),
    )),
    Mistake("path without quotes", "unexpected", values.bare_path, (
        ("EXPLAIN layer4 OF labnet ON ‹photos/val›", "A file or folder stands in single quotes: 'photos/val'"),
        ("EXPLAIN layer4 OF labnet ON ‹/data/val› USING falcon",
         "A file or folder stands in single quotes: '/data/val'"),
    )),
    Mistake("TO without a model", "unexpected", clauses.to_without_of, (
        ("TRANSFER labels TO layer4 ‹USING› ridge", "Of which model? TO layer4 OF labself"),
        ("TRANSFER labels TO layer4‹›", "Of which model? TO layer4 OF labself"),
        ("TRANSFER labels TO layer4 ‹labself›", "Of which model? TO layer4 OF labself"),
    )),
    Mistake("group by", "unexpected", clauses.group_by, (
        ("EXPLAIN layer4 OF labnet ‹GROUP BY› concept",
         "An answer is grouped in SQL: SELECT … FROM (EXPLAIN …) GROUP BY concept"),
        ("EXPLAIN layer4 OF labnet WHERE rank = 1 ‹GROUP BY› concept",
         "An answer is grouped in SQL: SELECT … FROM (EXPLAIN …) GROUP BY concept"),
    )),
    Mistake("SQL after a query", "unexpected", clauses.sql_after, (
        ("EXPLAIN layer4 OF labnet ‹UNION› SELECT 1",
         "UNION is SQL's, which stands around a query in parentheses: FROM (EXPLAIN …) UNION"),
        ("EXPLAIN layer4 OF labnet LIMIT 5 ‹OFFSET› 5",
         "OFFSET is SQL's, which stands around a query in parentheses: FROM (EXPLAIN …) OFFSET"),
    ), then="nothing"),
    Mistake("clause twice in the tail", "clause-twice", clauses.tail_twice, (
        ("EXPLAIN fc WHERE rank = 1 ‹WHERE› score > 0", "WHERE stands twice; conditions are joined by AND"),
        ("EXPLAIN fc LIMIT 5 ‹LIMIT› 6", "LIMIT stands twice"),
    )),
    Mistake("clause after the tail", "clause-order", clauses.after_tail, (
        ("EXPLAIN layer4 OF labnet WHERE rank = 1 ‹USING› clip_dissect",
         "WHERE and what follows it end a query: put USING clip_dissect before WHERE"),
        ("EXPLAIN layer4 INTO t ‹OF› labnet", "INTO and what follows it end a query: put OF labnet before INTO"),
        ("EXPLAIN layer4 WHERE rank = 1 ‹JUDGED› BY labclip",
         "WHERE and what follows it end a query: put JUDGED BY labclip before WHERE"),
        ("EXPLAIN fc LIMIT 5 ‹WHERE› rank = 1", "WHERE comes before LIMIT"),
        ("EXPLAIN fc INTO t ‹ORDER› BY score", "ORDER BY comes before INTO"),
    )),
    Mistake("ranks by TOP", "unexpected", clauses.top, (
        ("EXPLAIN layer4 OF labnet ‹TOP 5›", "The best 5 of each: WHERE rank <= 5"),
    )),
    Mistake("another word for a clause", "unexpected", clauses.other_word, (
        ("EXPLAIN layer4 ‹FROM› labnet", "The model comes after OF: EXPLAIN layer4 OF labnet"),
        ("EXPLAIN layer4 OF labnet ‹FROM› lab.probe", "Images come after ON: ON lab.probe"),
        ("DETECT OUTLIERS ‹FROM› lab.probe", "Images come after ON: DETECT OUTLIERS ON lab.probe"),
        ("EXPLAIN layer4 OF labnet ‹VOCABULARY› lab.words", "Words come after WITH: WITH lab.words"),
        ("EXPLAIN layer4 OF labnet ‹WORDS› lab.words", "Words come after WITH: WITH lab.words"),
        ("EXPLAIN layer4 IN ‹WORDS› lab.words", "Words come after WITH: WITH lab.words"),
        ("EXPLAIN layer4 ‹DATASET› lab.probe", "Images come after ON: EXPLAIN layer4 ON lab.probe"),
        ("EXPLAIN layer4 ‹OVER› lab.probe", "Images come after ON: EXPLAIN layer4 ON lab.probe"),
        ("EXPLAIN layer4 ‹AMONG› lab.probe", "Images come after ON: EXPLAIN layer4 ON lab.probe"),
        ("EXPLAIN layer4 ‹MODEL› labnet", "The model comes after OF: EXPLAIN layer4 OF labnet"),
        ("EXPLAIN fc OF labnet ‹METHOD› falcon", "Methods come after USING: USING falcon"),
        ("EXPLAIN fc OF labnet ‹VIA› falcon", "Methods come after USING: USING falcon"),
        ("EVALUATE labels ‹BY› truth", "Methods come after USING: EVALUATE labels USING truth"),
        ("EXPLAIN fc OF labnet ‹AGAINST› low", "What it is set against comes after CONTRAST: CONTRAST low"),
        ("EXPLAIN fc OF labnet ‹VERSUS› random", "What it is set against comes after CONTRAST: CONTRAST random"),
        ("EXPLAIN fc OF labnet ‹MINUS› low", "What it is set against comes after CONTRAST: CONTRAST low"),
        ("EXPLAIN GROUPS ‹LAYER› layer4", "A layer comes after IN: EXPLAIN GROUPS IN layer4"),
        ("EXPLAIN GROUPS ‹AT› layer4", "A layer comes after IN: EXPLAIN GROUPS IN layer4"),
        ("EXPLAIN fc OF labnet ‹SAVE› labels",
         "The name of a table, or a file in quotes, comes after INTO: INTO labels"),
        ("EXPLAIN fc OF labnet ‹AS› labels",
         "The name of a table, or a file in quotes, comes after INTO: INTO labels"),
        ("EXPLAIN fc OF labnet ‹JUDGE› labclip", "A judge comes after JUDGED BY: JUDGED BY labclip"),
        ("EXPLAIN fc ‹CAPTIONS› lab.captions",
         "Captions come after CAPTIONED BY: EXPLAIN fc CAPTIONED BY lab.captions"),
    )),
    Mistake("a word too many", "unexpected", clauses.noise_word, (
        ("EXPLAIN ‹LAYER› layer4 OF labnet", "EXPLAIN takes the name alone: EXPLAIN layer4"),
        ("EXPLAIN fc OF ‹MODEL› labnet", "OF takes the name alone: OF labnet"),
        ("EXPLAIN fc ON ‹DATASET› lab.probe", "ON takes the name alone: ON lab.probe"),
    )),
    Mistake("nothing after a comma", "unexpected", values.after_comma, (
        ("EXPLAIN fc OF labnet,‹›", "Something is missing after the comma: a model"),
        ("EXPLAIN fc OF labnet, ‹,› labself", "Something is missing after the comma: a model"),
        ("EXPLAIN fc OF labnet, ‹ON› lab.probe", "Something is missing after the comma: a model"),
    )),
    Mistake("clause word for a value", "unexpected", clauses.keyword_as_name, (
        ("LABEL ‹ON› photos", "LABEL names its object directly: LABEL photos"),
        ("EXPLAIN ‹OF› labnet", "What should be explained? EXPLAIN layer4 OF labnet"),
        ("EXPLAIN fc USING ‹WITH› lab.words", "USING needs a method: USING clip_dissect(top_k=50)"),
    )),
    Mistake("BY left out", "unexpected", clauses.missing_by, (
        ("EXPLAIN fc JUDGED ‹labclip›", "JUDGED is followed by BY: JUDGED BY labclip"),
        ("EXPLAIN fc CAPTIONED ‹lab.captions›", "CAPTIONED is followed by BY: CAPTIONED BY lab.captions"),
        ("EXPLAIN fc ORDER ‹score›", "ORDER is followed by BY: ORDER BY score"),
    )),
    Mistake("CONCEPTS, OUTLIERS left out", "unexpected", clauses.missing_object, (
        ("DISCOVER ‹layer4› OF labnet", "DISCOVER is followed by CONCEPTS: DISCOVER CONCEPTS IN layer4 OF labnet"),
        ("DETECT ‹ON› lab.probe", "DETECT is followed by OUTLIERS: DETECT OUTLIERS ON lab.probe"),
    )),
    Mistake("statement in its own form", "unexpected", values.statement_form, (
        ("LET x ‹labnet›", "LET is written LET x = labnet"),
        ("LET x ‹:=› labnet", "LET is written LET x = labnet"),
        ("LET x ‹AS› (EXPLAIN fc)", "LET is written LET x = …"),
        ("PARAM k ‹3›", "PARAM is written PARAM k = 3"),
        ("SHOW LAYERS IN ‹labnet›", "SHOW LAYERS is written SHOW LAYERS OF labnet"),
        ("PARAM ‹$k› = 3", "PARAM is written PARAM k = 100; then $k stands for it"),
        ("SET model ‹labnet›", "SET is written SET model = labnet"),
        ("DEFINE f ‹AS› EXPLAIN fc", "DEFINE is written DEFINE top(layer, n = 3) AS EXPLAIN $layer …"),
        ("IMPORT ‹words.clq›", "IMPORT takes a file in single quotes: IMPORT 'words.clq'"),
    )),
    Mistake("argument outside its call", "unexpected", values.loose_argument, (
        ("EXPLAIN fc USING clip_dissect ‹top_k› = 5",
         "Arguments stand in parentheses after their method: clip_dissect(top_k=5)"),
        ("EXPLAIN fc CONTRAST ‹=› low", "CONTRAST is followed by its value, without =: CONTRAST low"),
        ("EXPLAIN fc USING clip_dissect(top_k‹:› 5)", "An argument is written name=value: top_k=5"),
        ("EXPLAIN fc USING clip_dissect(top_k ‹5›)", "An argument is written name=value: top_k=5"),
        ("EXPLAIN fc USING clip_dissect(top_k‹==›5)", "An argument is written name=value: top_k=5"),
    )),
    Mistake("two statements", "unexpected", values.missing_semicolon, (
        ("EXPLAIN fc OF labnet ‹EXPLAIN› conv1 OF labnet", "Statements end with a semicolon; put one before EXPLAIN"),
        ("LET x = labnet ‹SELECT› 1", "Statements end with a semicolon; put one before SELECT"),
    ), then="statement"),
    Mistake("misspelt clause", "unexpected", clauses.misspelt_clause, (
        ("EXPLAIN fc OF labnet ‹USNG› falcon", "No clause is called USNG. Did you mean USING?"),
        ("EXPLAIN fc OF labnet ‹CONTRAS› low", "No clause is called CONTRAS. Did you mean CONTRAST?"),
        ("EXPLAIN fc OF labnet ‹WHER› rank = 1", "No clause is called WHER. Did you mean WHERE?"),
    )),
    Mistake("comma left out", "unexpected", values.missing_comma, (
        ("EXPLAIN fc OF labnet ‹labself› USING falcon",
         "Several models are joined by commas: labnet, labself. A clause begins with a word such as IN, ON, FOR"),
        ("EXPLAIN fc USING clip_dissect(top_k=5 ‹floor›=2)", "A comma is missing before floor"),
        ("LET x = [1 ‹2›]", "A comma is missing before 2"),
        ("EXPLAIN conv1 ‹AND› fc",
         "Several targets are joined by commas: conv1, fc. A clause begins with a word such as OF, IN, ON"),
    )),
    Mistake("bracket too many", "open-bracket", values.stray_bracket, (
        ("EXPLAIN fc OF labnet‹)› USING falcon", "This ) closes nothing"),
    )),
    Mistake("no such verb", "unexpected", values.unknown_verb, (
        ("SHOW METHODS FOR ‹EXPLIAN›", "No verb is called EXPLIAN. Did you mean EXPLAIN?"),
    )),
    Mistake("nothing after a word", "unexpected", clauses.needs, (
        ("EXPLAIN‹›", "What should be explained? EXPLAIN layer4 OF labnet"),
        ("EXPLAIN layer4 OF‹›", "OF needs a model: OF labnet"),
        ("EXPLAIN layer4 USING‹› ", "USING needs a method: USING clip_dissect(top_k=50)"),
        ("EXPLAIN layer4 OF ‹,› labnet", "OF needs a model: OF labnet"),
        ("EXPLAIN layer4 WHERE‹›", "WHERE needs a condition: WHERE rank = 1"),
        ("EXPLAIN layer4 WHERE ‹LIMIT› 5", "WHERE needs a condition: WHERE rank = 1"),
        ("EXPLAIN layer4 LIMIT ‹five›", "LIMIT needs a whole number or a parameter: LIMIT 10"),
        ("EXPLAIN layer4 INTO‹›", "INTO needs the name of a table or a file in single quotes: INTO labels"),
        ("LABEL‹›", "What should be labelled? LABEL lab.probe USING splice WITH lab.words"),
        ("LET‹›", "LET is written LET photos = folder('photos/')"),
        ("EXPLAIN fc CHANGING water = ‹'a'›", "CHANGING sets concepts to numbers: CHANGING water = 0"),
        ("EXPLAIN fc CHANGING water‹›", "CHANGING sets concepts to numbers: CHANGING water = 0"),
    )),
    Mistake("anything else", "unexpected", values.anything, (
        ("EXPLAIN layer4 OF labnet ‹?›",
         "Unexpected ?; expected a clause such as IN, ON, FOR, USING, a comma or the end"),
    )),
)
# fmt: on


def classify(failure: Failure) -> tuple[Diagnostic, Then]:
    """The failure as the first row that recognises it tells it, and what follows."""
    for mistake in MISTAKES:
        told = mistake.tells(failure)
        if told is not None:
            return Diagnostic(mistake.code, told[0], told[1]), mistake.then
    raise AssertionError("the last row takes anything")


_SYNONYMS = {
    "DRAW": "VISUALIZE", "FIND": "LOCATE", "WHERE": "LOCATE", "LIST": "SHOW", "PRINT": "SHOW", "HELP": "SHOW VERBS",
    "SCORE": "EVALUATE", "MEASURE": "EVALUATE", "COMPARE": "EVALUATE", "FIT": "TRAIN", "PROBE": "EXPLAIN",
    "DISSECT": "EXPLAIN", "NAME": "EXPLAIN", "CAPTION": "LABEL", "CLASSIFY": "LABEL", "GROUP": "CLUSTER",
    "INCLUDE": "IMPORT", "ENCODE": "EMBED", "HEATMAP": "ATTRIBUTE", "SALIENCY": "ATTRIBUTE",
}  # fmt: skip


def unknown_statement(code: Code, first: int, end: int) -> Diagnostic:
    """A statement whose first word neither language knows."""
    token = code.tokens[first]
    if token.up in {"#", "//"}:
        return Diagnostic("unexpected", "Comments begin with --", token.span)
    if token.kind == "word" and code.up(first + 1, end) == "=":
        message = f"To give a name: LET {token.text} = …"
        return Diagnostic("unknown-statement", message, token.span)
    known = CLQ_STARTS | SQL_STARTS
    near = _SYNONYMS.get(token.up) or (
        nearest(token.text, known) if token.kind == "word" and len(token.text) > 3 else None
    )
    guess = (
        f" Did you mean {near}?" if near else " One that does: EXPLAIN layer4 OF labnet (SHOW VERBS lists the verbs)"
    )
    start = token.text if len(token.text) <= 30 else f"{token.text[:30]}…"
    return Diagnostic("unknown-statement", f"No statement starts with {start}.{guess}", token.span)
