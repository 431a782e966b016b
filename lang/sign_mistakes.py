"""Rows of the table of syntax mistakes that are known by a sign of another language: see `mistakes`."""

from __future__ import annotations

from . import sign_rules as signs
from . import statement_rules as statements
from . import value_rules as values
from .mistake import Mistake

# fmt: off
SIGNS: tuple[Mistake, ...] = (
    Mistake("a prompt before a statement", "unexpected", signs.prompt_before_statement, (
        ("EXPLAIN fc OF labnet\n‹clq>› EXPLAIN conv1 OF labnet",
         "clq> is the prompt of clq shell, and no part of a statement: take it out"),
    ), then="statement"),
    Mistake("a prompt before a line", "unexpected", signs.prompt, (
        ("EXPLAIN fc OF labnet\n ‹...>› USING falcon",
         "...> is the prompt of clq shell, and no part of a statement: take it out"),
        ("EXPLAIN fc OF labnet\n‹```›", "``` is a fence of Markdown, and no part of a statement: take it out"),
    )),
    Mistake("comment", "unexpected", signs.comment, (
        ("EXPLAIN layer4‹#›3 OF labnet", "Units are selected in square brackets: layer4[3]"),
        ("EXPLAIN layer4 OF labnet ‹#› why", "Comments begin with --"),
        ("EXPLAIN layer4 ‹//› why", "Comments begin with --"),
    ), then="nothing"),
    Mistake("two dots in a slice", "unexpected", values.slice_dots, (
        ("EXPLAIN layer4[0‹..›64] OF labnet", "A slice is written with a colon: layer4[0:64]"),
        ("EXPLAIN layer4[0‹-›64] OF labnet", "A slice is written with a colon: layer4[0:64]"),
        ("EXPLAIN layer4[0 ‹TO› 64] OF labnet", "A slice is written with a colon: layer4[0:64]"),
        ("EXPLAIN layer4[0‹–›64] OF labnet", "A slice is written with a colon: layer4[0:64]"),
    )),
    Mistake("several layers at once", "unexpected", signs.layer_range, (
        ("EXPLAIN layer1‹-›layer4 OF labnet",
         "Several layers are joined by commas, or matched by a star: layer1, layer4 or layer*"),
        ("EXPLAIN layer1‹..›layer4 OF labnet",
         "Several layers are joined by commas, or matched by a star: layer1, layer4 or layer*"),
        ("EXPLAIN layer1‹:›layer4 OF labnet",
         "Several layers are joined by commas, or matched by a star: layer1, layer4 or layer*"),
    )),
    Mistake("what an example leaves out", "unexpected", signs.left_out, (
        ("EXPLAIN fc OF ‹…›", "… stands for what is to be filled in: OF labnet"),
        ("EXPLAIN fc OF labnet USING clip_dissect(‹...›)", "... stands for what is to be filled in"),
    )),
    Mistake("a sign that looks like another", "unexpected", signs.lookalike, (
        ("EXPLAIN fc OF labnet‹，›labself", "This is a fullwidth comma; write ,"),
        ("EXPLAIN fc OF labnet‹；›", "This is a fullwidth semicolon; write ;"),
        ("EXPLAIN fc ‹\u200b›OF labnet", "An invisible character stands here (U+200B): take it out"),
        ("EXPLAIN fc OF labnet WITH ‹‘›boat", "Text stands in straight single quotes: 'boat'"),
    )),
    Mistake("quotes of MySQL", "unexpected", signs.backtick, (
        ("EXPLAIN fc OF ‹`labnet`›", "Names stand without quotes, or in double quotes: labnet"),
    )),
    Mistake("a template", "unexpected", signs.template, (
        ("EXPLAIN fc OF ‹{{ model }}›",
         "What comes from outside is a parameter, $model: PARAM model = … gives it, or --param model=…"),
        ("EXPLAIN fc OF ‹${MODEL}›",
         "What comes from outside is a parameter, $MODEL: PARAM MODEL = … gives it, or --param MODEL=…"),
        ("EXPLAIN fc OF ‹?›", "What comes from outside is a parameter, $k: PARAM k = … gives it, or --param k=…"),
    )),
    Mistake("arguments in other brackets", "unexpected", signs.braces, (
        ("EXPLAIN fc USING falcon‹{›top_k=5}",
         "Arguments stand in parentheses after their method: falcon(top_k=5)"),
        ("EXPLAIN fc USING falcon‹[›top_k=5]",
         "Arguments stand in parentheses after their method: falcon(top_k=5)"),
        ("EXPLAIN fc USING falcon ‹{›'top_k': 5}",
         "Arguments stand in parentheses after their method: falcon(top_k=5)"),
        ("EXPLAIN fc USING ‹{›top_k=5}",
         "Arguments stand in parentheses after their method: clip_dissect(top_k=5)"),
        ("EXPLAIN fc WITH ‹{›'boat', 'car'}", "A list stands in square brackets: ['boat', 'car']"),
        ("LET x = ‹{›'boat'}", "A list stands in square brackets: ['boat']"),
        ("DEFINE f(x) AS ‹{› EXPLAIN $x }", "A query stands here without braces: AS EXPLAIN layer4 OF labnet"),
    )),
    Mistake("a word that is no verb", "unexpected", statements.unknown_verb, (
        ("SHOW METHODS FOR ‹EXPLIAN›", "No verb is called EXPLIAN. Did you mean EXPLAIN?"),
        ("LET x = (‹EXPLAN› fc OF labnet)", "No verb is called EXPLAN. Did you mean EXPLAIN?"),
        ("PLAN ‹EXPLAN› fc OF labnet", "No verb is called EXPLAN. Did you mean EXPLAIN?"),
    )),
    Mistake("parentheses without a query", "unexpected", signs.parentheses, (
        ("EXPLAIN fc WITH ‹(›boat, car)",
         "Parentheses enclose a query; a list stands in square brackets: ['boat', 'car']"),
        ("EXPLAIN fc WITH ‹(›'boat', 'car')",
         "Parentheses enclose a query; a list stands in square brackets: ['boat', 'car']"),
        ('LET x = ‹(›"boat", "car")', "Parentheses enclose a query; a list stands in square brackets: ['boat', 'car']"),
        ("EXPLAIN fc ON ‹(›lab.probe)", "Parentheses enclose a query; names stand without: ON lab.probe"),
        ("EXPLAIN fc OF ‹(›labnet, labself)", "Parentheses enclose a query; names stand without: OF labnet, labself"),
        ("EXPLAIN fc OF ‹[›labnet, labself]",
         "Square brackets enclose a list of text; names stand without: OF labnet, labself"),
        ("EXPLAIN ‹[›fc, conv1] OF labnet",
         "Square brackets enclose a list of text; names stand without: EXPLAIN fc, conv1"),
        ("ATTRIBUTE CLASS ‹(›'boat', 'car') OF labnet",
         "CLASS takes its values without parentheses: CLASS 'boat', 'car'"),
    )),
    Mistake("signs beside text", "unexpected", signs.beside_text, (
        ("EXPLAIN fc WITH 'it‹'›s, 'a'", "An apostrophe inside text is written twice: 'it''s …"),
        ("EXPLAIN fc WITH ‹''›boat''", "Text stands between one pair of single quotes: 'boat'"),
        ("EXPLAIN fc WITH ‹f›'boat'", "Text has no prefix here: 'boat'"),
    ), then="nothing"),
    Mistake("a number that goes on", "unexpected", signs.number_and_word, (
        ("EXPLAIN fc WITH ‹20k.txt›", "A file stands in single quotes: '20k.txt'"),
        ("EXPLAIN fc USING f(top=‹5k›)", "5k is neither a number nor a name; text stands in single quotes: '5k'"),
    )),
    Mistake("queries joined by a sign", "unexpected", signs.statements_joined, (
        ("EXPLAIN fc OF labnet ON lab.probe ‹&&› EXPLAIN fc OF labnet",
         "Statements end with a semicolon, and nothing joins them: write ; for &&"),
        ("EXPLAIN fc OF labnet ‹|› SELECT 1",
         "Statements end with a semicolon, and nothing joins them: write ; for |"),
    ), then="statement"),
    Mistake("habits of a terminal", "unexpected", signs.shell_sign, (
        ("EXPLAIN fc OF labnet ‹>› labels.csv", "Rows are kept by INTO: INTO 'labels.csv'"),
        ("EXPLAIN fc OF labnet ‹|› head -5",
         "Nothing is piped here: LIMIT 10 keeps the first rows, WHERE some, INTO 'file.csv' all"),
        ("EXPLAIN fc OF labnet ‹\\›\n  USING falcon", "A statement goes on over lines by itself: take \\ out"),
        ("EXPLAIN fc USING clip_dissect ‹-t›op_k 5",
         "Arguments stand in parentheses after their method: clip_dissect(top_k=5)"),
    )),
    Mistake("other signs between values", "unexpected", signs.other_join, (
        ("EXPLAIN fc ‹&&› conv1 OF labnet", "Several targets are joined by commas: fc, conv1"),
        ("EXPLAIN fc OF labnet ‹+› labself", "Several models are joined by commas: labnet, labself"),
        ("EXPLAIN fc[0:4] ‹||› conv1 OF labnet", "Several targets are joined by commas: fc[0:4], conv1"),
        ("EXPLAIN fc WITH ['a' ‹|› 'b']", "Values are joined by commas: 'a', 'b'"),
    )),
)
# fmt: on
