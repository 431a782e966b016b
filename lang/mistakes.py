"""One table of syntax mistakes: a row has a code, a rule that recognises it and tells what to write, and wrong queries.

The examples mark in ‹ › what the caret should stand under, beside the message; a test holds every row to its examples.
"""

from __future__ import annotations

from . import clause_rules as clauses
from . import sign_rules as signs
from . import statement_rules as statements
from . import value_rules as values
from .diagnostic import Diagnostic
from .failure import Failure
from .mistake import Mistake, Then
from .sign_mistakes import SIGNS

__all__ = ["MISTAKES", "classify"]

# From the particular to the general: the first row that recognises a failure tells it.
# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    *SIGNS,
    Mistake("a unit of a layer", "unexpected", values.unit_of, (
        ("EXPLAIN ‹unit› 3 OF layer4 OF labnet", "Units stand in brackets after their layer: layer4[3]"),
    ), then="nothing"),
    Mistake("units without brackets", "unexpected", values.selection, (
        ("EXPLAIN layer4[‹]› OF labnet", "Numbers, slices, names in quotes or a subquery select: layer4[0:64]"),
        ("EXPLAIN layer4[‹a›:b] OF labnet", "Numbers, slices, names in quotes or a subquery select: layer4[0:64]"),
        ("EXPLAIN layer4‹(›0:64) OF labnet", "Units are selected in square brackets: layer4[0:64]"),
        ("EXPLAIN layer4 ‹unit› 3 OF labnet", "Units stand in brackets after their layer: layer4[3]"),
        ("EXPLAIN ‹layer› 4 OF labnet", "A layer is written by its name, its units in brackets: layer4[0:64]"),
        ("EXPLAIN layer4 ‹17› OF labnet", "Units stand in brackets after their layer: layer4[17]"),
        ("EXPLAIN layer4‹:›3 OF labnet", "Units stand in brackets after their layer: layer4[3]"),
        ("EXPLAIN layer4‹:›0:3 OF labnet", "Units stand in brackets after their layer: layer4[0:3]"),
        ("EXPLAIN layer4‹@›labnet", "The model comes after OF: layer4 OF labnet"),
        ("EXPLAIN layer4[0:‹64.0›] OF labnet", "What is selected is counted in whole numbers: 64, not 64.0"),
        ("EXPLAIN layer4[‹1.5›] OF labnet", "What is selected is counted in whole numbers: 1, not 1.5"),
        ("EXPLAIN layer4[1, 2,‹]› OF labnet",
         "Something is missing after the comma: a number, slice or name in quotes"),
        ("EXPLAIN layer4[‹all›] OF labnet", "All of it is the name alone: layer4"),
        ("EXPLAIN layer4[‹range›(0, 64)] OF labnet", "A slice is written with a colon: layer4[0:64]"),
    )),
    Mistake("some of a file", "unexpected", values.selection_of_text, (
        ("EXPLAIN fc OF labnet ON 'pics'‹[›0:4]",
         "A file is selected from through its function: folder('pics')[0:4]"),
        ("EXPLAIN fc OF labnet WITH 'some.txt'‹[›0:4]",
         "A file is selected from through its function: words('some.txt')[0:4]"),
    )),
    Mistake("TO for INTO", "unexpected", clauses.to_file, (
        ("EXPLAIN fc OF labnet ‹TO› 'labels.csv'", "Rows are kept by INTO: INTO 'labels.csv'"),
        ("EXPLAIN fc OF labnet ‹IN TO› labels", "INTO is one word: INTO labels"),
    )),
    Mistake("text for a name", "unexpected", values.text_for_name, (
        ("EXPLAIN layer4 OF ‹'labnet'›", "Single quotes enclose text; names stand without: OF labnet"),
    )),
    Mistake("INTO with more", "unexpected", clauses.into_many, (
        ("EXPLAIN fc INTO ‹TABLE› labels", "INTO takes the name alone: INTO labels"),
        ("EXPLAIN fc INTO labels‹,› more", "INTO names one table or file: INTO labels"),
    )),
    Mistake("EXPLAIN PLAN", "unexpected", clauses.plan_of, (
        ("‹EXPLAIN PLAN› EXPLAIN fc OF labnet", "What would run is told by PLAN: PLAN EXPLAIN fc OF labnet"),
        ("‹EXPLAIN PLAN› FOR EXPLAIN fc OF labnet", "What would run is told by PLAN: PLAN EXPLAIN fc OF labnet"),
    ), then="nothing"),
    Mistake("a statement behind a short one", "unexpected", statements.next_statement, (
        ("IMPORT 'a.clq' ‹best›(layer4)", "Statements end with a semicolon; put one before best"),
        ("IMPORT 'a.clq' ‹EXPLAIN› fc OF labnet", "Statements end with a semicolon; put one before EXPLAIN"),
        ("SHOW PARAMS ‹SELECT› 5", "Statements end with a semicolon; put one before SELECT"),
        ("SHOW MODELS ‹EXPLAIN› fc OF labnet", "Statements end with a semicolon; put one before EXPLAIN"),
        ("SHOW PARAMS ‹LET› a = labnet", "Statements end with a semicolon; put one before LET"),
        ("SHOW MODELS ‹best›(fc)", "Statements end with a semicolon; put one before best"),
        ("RESET model ‹SELECT› 1", "Statements end with a semicolon; put one before SELECT"),
        ("PARAM k = 3 ‹best›(fc)", "Statements end with a semicolon; put one before best"),
    ), then="statement"),
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
    Mistake("LIMIT with more", "unexpected", clauses.limit, (
        ("EXPLAIN fc LIMIT 5‹,› 10",
         "LIMIT takes one number, how many rows: LIMIT 10. To skip some: SELECT … FROM (…) LIMIT 10 OFFSET 5"),
        ("EXPLAIN fc LIMIT ‹'5'›", "LIMIT takes a number without quotes: LIMIT 5"),
        ("EXPLAIN fc LIMIT ‹ALL›", "Without LIMIT all rows are given: leave it out"),
        ("EXPLAIN fc LIMIT ‹TO› 5", "LIMIT is followed by its number: LIMIT 5"),
        ("EXPLAIN fc LIMIT 5 ‹ROWS›", "LIMIT takes a number of rows alone: LIMIT 5"),
    ), then="nothing"),
    Mistake("CONTRAST with more", "unexpected", clauses.contrast_value, (
        ("EXPLAIN fc CONTRAST low‹,› random", "CONTRAST takes one of low, random and images: ask once with each"),
        ("EXPLAIN fc CONTRAST ‹BY› low", "CONTRAST is followed by its value: CONTRAST low"),
    )),
    Mistake("object without its clause", "unexpected", clauses.after_object, (
        ("DISCOVER CONCEPTS ‹layer4› OF labnet", "A layer comes after IN: DISCOVER CONCEPTS IN layer4"),
        ("DETECT OUTLIERS ‹lab.probe›", "Images come after ON: DETECT OUTLIERS ON lab.probe"),
        ("ATTRIBUTE ‹CLASSES› 'boat' OF labnet", "CLASSES are all of them; one is CLASS 'boat'"),
    )),
    Mistake("INTO for TO", "unexpected", clauses.into_for_to, (
        ("TRANSFER labels ‹INTO› layer4 OF labself",
         "INTO names a table; the layer of the other model comes after TO: TO layer4 OF labself"),
    )),
    Mistake("target without a kind", "unexpected", values.bare_target, (
        ("ATTRIBUTE ‹'boat'› OF labnet", "What is 'boat'? Write CLASS 'boat', TEXT 'boat' or SYNSET 'boat.n.01'"),
        ("LOCATE ‹'bird'› ON lab.probe", "What is 'bird'? Write CLASS 'bird', TEXT 'bird' or SYNSET 'bird.n.01'"),
        ("EXPLAIN ‹7› OF labnet",
         "What is 7? Write CLASS 7 for a class, layer4[7] for a unit, or \"7\" for a layer that is called so"),
    )),
    Mistake("class without quotes", "unexpected", values.bare_constant, (
        ("ATTRIBUTE CLASS ‹boat› OF labnet", "A class is text or a number: CLASS 'boat'"),
        ('ATTRIBUTE CLASS ‹"boat"› OF labnet', "A class is text or a number: CLASS 'boat'"),
        ("LOCATE SYNSET ‹bird.n.01›", "A synset is text: SYNSET 'bird.n.01'"),
        ("ATTRIBUTE TEXT ‹bird› ON 'a.jpg'", "Text stands in single quotes: TEXT 'bird'"),
        ("EXPLAIN class ‹OF› labnet", 'CLASS needs text or a number; a layer of that name is written "class"'),
    )),
    Mistake("a dash in a name", "unexpected", signs.dash_in_name, (
        ("EXPLAIN fc USING ‹clip-dissect›",
         'A name without quotes holds no -: write clip_dissect, or "clip-dissect" in double quotes if it is called so'),
        ("EXPLAIN fc OF ‹resnet-18›",
         'A name without quotes holds no -: write resnet_18, or "resnet-18" in double quotes if it is called so'),
    )),
    Mistake("path without quotes", "unexpected", values.bare_path, (
        ("EXPLAIN layer4 OF labnet ON ‹photos/val›", "A file or folder stands in single quotes: 'photos/val'"),
        ("EXPLAIN layer4 OF labnet ON ‹/data/val› USING falcon",
         "A file or folder stands in single quotes: '/data/val'"),
        ("EXPLAIN layer4 OF labnet ON ‹./photos›", "A file or folder stands in single quotes: './photos'"),
        ("EXPLAIN layer4 OF labnet ON ‹C:\\photos›", "A file or folder stands in single quotes: 'C:\\photos'"),
        ("EXPLAIN layer4 ON ‹https://example.org/a.jpg›",
         "Nothing is fetched from the web: name a folder or file of this machine, ON 'photos/'"),
        ("EXPLAIN fc OF ‹facebook/dino›", "No name holds a /: SHOW MODELS lists what there is"),
        ("EXPLAIN ‹labnet/layer4›", "No name holds a /; the model comes after OF: layer4 OF labnet"),
        ("EXPLAIN ‹/layer.*/› OF labnet", "A star stands for any name of a layer: layer*"),
    )),
    Mistake("TO without a model", "unexpected", clauses.to_without_of, (
        ("TRANSFER labels TO layer4 ‹USING› ridge", "Of which model? TO layer4 OF labself"),
        ("TRANSFER labels TO layer4‹›", "Of which model? TO layer4 OF labself"),
        ("TRANSFER labels TO layer4 ‹labself›", "Of which model? TO layer4 OF labself"),
        ("TRANSFER labels TO labself‹›", "TO takes a layer and its model: TO layer4 OF labself"),
        ("EXPLAIN fc OF labnet ‹TO› labels", "Rows are kept by INTO: INTO labels"),
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
        ("EVALUATE labels ‹BY› truth",
         "BY stands after JUDGED, CAPTIONED and ORDER; methods come after USING: USING truth"),
        ("EVALUATE labels ‹AGAINST› truth", "Methods come after USING: EVALUATE labels USING truth"),
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
        ("EXPLAIN fc OF labnet ‹JUDGE› BY labclip", "A judge comes after JUDGED BY: JUDGED BY labclip"),
        ("EXPLAIN fc OF labnet ‹SORT› BY score", "Columns to sort by come after ORDER BY: ORDER BY score"),
        ("EXPLAIN fc OF labnet ‹FETCH› FIRST 5 ROWS ONLY", "The number of rows comes after LIMIT: LIMIT 5"),
        ("EXPLAIN fc OF labnet ‹FILTER› rank = 1", "Conditions come after WHERE: WHERE rank = 1"),
        ("EXPLAIN fc OF labnet ‹HAVING› rank = 1", "Conditions come after WHERE: WHERE rank = 1"),
        ("EXPLAIN fc ‹FORM› labnet", "The model comes after OF: EXPLAIN fc OF labnet"),
        ("EXPLAIN fc ‹CAPTIONS› lab.captions",
         "Captions come after CAPTIONED BY: EXPLAIN fc CAPTIONED BY lab.captions"),
    )),
    Mistake("a word too many", "unexpected", clauses.noise_word, (
        ("EXPLAIN ‹LAYER› layer4 OF labnet", "EXPLAIN takes the name alone: EXPLAIN layer4"),
        ("EXPLAIN fc OF ‹MODEL› labnet", "OF takes the name alone: OF labnet"),
        ("EXPLAIN fc ON ‹DATASET› lab.probe", "ON takes the name alone: ON lab.probe"),
        ("EXPLAIN ‹ALL LAYERS› OF labnet", "A star stands for every layer: EXPLAIN * OF labnet"),
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
        ("EXPLAIN fc JUDGED ‹USING› labclip", "JUDGED is followed by BY: JUDGED BY labclip"),
    )),
    Mistake("CONCEPTS, OUTLIERS left out", "unexpected", clauses.missing_object, (
        ("DISCOVER ‹layer4› OF labnet", "DISCOVER is followed by CONCEPTS: DISCOVER CONCEPTS IN layer4 OF labnet"),
        ("DETECT ‹ON› lab.probe", "DETECT is followed by OUTLIERS: DETECT OUTLIERS ON lab.probe"),
    )),
    Mistake("a statement without its value", "unexpected", statements.unfinished, (
        ("LET x =‹›", "What is x? LET x = labnet, or a query: LET x = (EXPLAIN layer4 OF labnet)"),
        ("PARAM k =‹›", "What is k? PARAM k = 100"),
        ("SET model =‹›", "What is model? SET model = labnet"),
        ("DEFINE f(x) AS‹›", "What should f ask? DEFINE f(x) AS EXPLAIN layer4 OF labnet"),
    )),
    Mistake("a statement for a query", "unexpected", statements.no_query, (
        ("DEFINE f() AS ‹LET› x = labnet", "DEFINE holds a query; LET is a statement of its own, before it"),
    )),
    Mistake("statement in its own form", "unexpected", statements.statement_form, (
        ("LET x ‹labnet›", "LET is written LET x = labnet"),
        ("LET x ‹:=› labnet", "LET is written LET x = labnet"),
        ("LET x ‹AS› (EXPLAIN fc)", "LET is written LET x = …"),
        ("LET x ‹AS› EXPLAIN fc", "LET is written LET x = (EXPLAIN …)"),
        ("LET x‹,› y = labnet", "LET gives one name: LET x = …; LET y = …"),
        ("PARAM k ‹3›", "PARAM is written PARAM k = 3"),
        ("PARAM k‹:› int = 3", "PARAM is written PARAM k = 3"),
        ("SHOW‹›",
         "SHOW is followed by what to list: CACHE, CAPTIONS, DATASETS, JUDGES, LAYERS, METHOD, METHODS, MODELS, NAMES, "
         "PARAMS, RUNS, VERB, VERBS, VOCABULARIES, TABLES"),
        ("SHOW LAYERS IN ‹labnet›", "SHOW LAYERS is written SHOW LAYERS OF labnet"),
        ("PARAM ‹$k› = 3", "PARAM is written PARAM k = 100; then $k stands for it"),
        ("SET model ‹labnet›", "SET is written SET model = labnet"),
        ("SET model‹:› labnet", "SET is written SET model = labnet"),
        ("DEFINE f ‹AS› EXPLAIN fc",
         "Behind its name stand parentheses, empty ones if it takes nothing: DEFINE f() AS …"),
        ("DEFINE f(layer) ‹EXPLAIN› $layer", "AS stands before the query: DEFINE f(layer) AS …"),
        ("DEFINE f(‹$layer›) AS EXPLAIN $layer",
         "The arguments are plain names, and $layer stands for one in the query: f(layer)"),
        ("IMPORT ‹words.clq›", "IMPORT takes a file of clq in single quotes: IMPORT 'words.clq'"),
        ("import ‹numpy› as np", "IMPORT takes a file of clq in single quotes: IMPORT 'numpy.clq'"),
        ("IMPORT 'a.clq'‹,› 'b.clq'", "IMPORT takes one file: write IMPORT again for another"),
    )),
    Mistake("an argument without its half", "unexpected", values.missing_value, (
        ("EXPLAIN fc USING f(top=‹)›", "top needs a value: top=…"),
        ("EXPLAIN fc USING f(‹=› 5)", "An argument is written name=value: …=5"),
    )),
    Mistake("argument outside its call", "unexpected", values.loose_argument, (
        ("EXPLAIN fc USING clip_dissect ‹top_k› = 5",
         "Arguments stand in parentheses after their method: clip_dissect(top_k=5)"),
        ("EXPLAIN fc USING top_k ‹=› 5",
         "top_k is an argument, which stands behind its method: USING clip_dissect(top_k=5)"),
        ("EXPLAIN fc WITH ‹vocabulary=›lab.words", "WITH takes the name alone: WITH lab.words"),
        ("EXPLAIN fc CONTRAST ‹=› low", "CONTRAST is followed by its value, without =: CONTRAST low"),
        ("EXPLAIN fc USING clip_dissect(top_k‹:› 5)", "An argument is written name=value: top_k=5"),
        ("EXPLAIN fc USING clip_dissect(top_k ‹5›)", "An argument is written name=value: top_k=5"),
        ("EXPLAIN fc USING clip_dissect(top_k‹==›5)", "An argument is written name=value: top_k=5"),
    )),
    Mistake("two statements", "unexpected", values.missing_semicolon, (
        ("EXPLAIN fc OF labnet ‹EXPLAIN› conv1 OF labnet", "Statements end with a semicolon; put one before EXPLAIN"),
        ("LET x = labnet ‹SELECT› 1", "Statements end with a semicolon; put one before SELECT"),
    ), then="statement"),
    Mistake("more than one value", "unexpected", statements.after_value, (
        ("LET x = 'boat'‹,› 'car'", "Several values stand in a list: LET x = ['boat', 'car']"),
        ("LET x = lab.probe ‹ON› y",
         "ON is a clause of a query, which stands in parentheses: LET x = (EXPLAIN … ON …)"),
        ("PARAM k = 3 ‹+› 4", "PARAM takes one value, without arithmetic: PARAM k = 3"),
    )),
    Mistake("misspelt clause", "unexpected", clauses.misspelt_clause, (
        ("EXPLAIN fc OF labnet ‹USNG› falcon", "No clause is called USNG. Did you mean USING?"),
        ("EXPLAIN fc OF labnet ‹CONTRAS› low", "No clause is called CONTRAS. Did you mean CONTRAST?"),
        ("EXPLAIN fc OF labnet ‹WHER› rank = 1", "No clause is called WHER. Did you mean WHERE?"),
        ("EXPLAIN fc OF labnet ‹JUGDED› BY labclip", "No clause is called JUGDED. Did you mean JUDGED BY?"),
        ("EXPLAIN fc ‹FO› labnet", "No clause is called FO. Did you mean OF?"),
        ("EXPLAIN fc OF labnet ‹NO› lab.probe", "No clause is called NO. Did you mean ON?"),
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
    Mistake("a sign too many", "unexpected", signs.stray_sign, (
        ("EXPLAIN fc WITH wordnet‹.›", "No name ends with a dot: wordnet"),
        ("EXPLAIN fc OF labnet ‹!›", "! has no meaning here: take it out"),
        ("EXPLAIN fc OF labnet ‹?›", "? has no meaning here: take it out"),
        ("EXPLAIN fc OF labnet ‹*/›", "This */ ends no comment"),
    )),
    Mistake("anything else", "unexpected", values.anything, (
        ("EXPLAIN layer4 OF labnet ‹%›",
         "Unexpected %; expected a clause such as IN, ON, FOR, USING, a comma or the end"),
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
