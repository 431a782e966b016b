"""verbs.md: each verb's question, object, clauses, targets, methods, answer and order."""

from __future__ import annotations

from collections.abc import Iterator

from ...lang.verbs import CLAUSES, TAIL, VERBS, Verb
from ...stdlib.catalog import methods
from .markdown import block, code, codes, columns, table
from .markdown import page as made

OBJECTS = {
    "targets": "targets, joined by commas",
    "source": "one source",
    "concepts": "the word CONCEPTS; the layer is named by IN",
    "outliers": "the word OUTLIERS; the images are named by ON",
    "none": "a query, or SQL with queries in it",
}
SOURCES = {
    "EVIDENCE": "an answer: its name, or a query in parentheses",
    "EVALUATE": "an answer: its name, or a query in parentheses",
    "EMBED": "images or words",
    "TRAIN": "a model",
}
TARGETS = {
    "place": "units of a layer: `layer4`, `layer4[0:8]`; or the name of an answer: its targets",
    "class": "`CLASS 'boat'`, `CLASS 3`",
    "classes": "`CLASSES`: every class of the model",
    "synset": "`SYNSET 'bird.n.01'`",
    "text": "`TEXT 'a red boat'`",
    "group": "`GROUP layer4[3, 17]`: units of a layer taken together as one",
    "groups": "`GROUPS`: groups of units IN a layer",
    "failure": "`FAILURE 'car as boat'`: images of one class that are taken for another; `*` stands for any",
    "failures": "`FAILURES`: slices of images on which the model fails",
    "model": "`MODEL labnet`",
    "subquery": "a query in parentheses: its column `target`, or `model`, `layer` and `unit`",
}


def page() -> str:
    clauses = table(
        ("clause", "takes", "several", "example"),
        (
            (code(c.keyword), c.takes, c.several or "", code(f"{c.keyword} {c.example}"))
            for c in CLAUSES.values()
        ),
    )  # fmt: skip
    about = (
        "A query is a verb, its object, clauses in any order, and a tail. The clauses below mean the same with every "
        f"verb that reads them. The tail is {codes(TAIL)}, in this order, and acts on the rows of the answer."
    )
    found = table(
        ("verb", "asks", "methods here"),
        ((f"[{v.name}](#{v.name.lower()})", v.summary, _methods(v)) for v in VERBS.values()),
    )
    return made("Verbs", about, clauses, found, *(section(v) for v in VERBS.values()))


def _methods(verb: Verb) -> str:
    names = methods_of(verb.name)
    return codes(names) if names else "none in this version" if verb.methods and verb.name != "PLAN" else ""


def methods_of(verb: str) -> list[str]:
    return [m.declaration.name for m in methods().values() if verb in m.declaration.verbs]


def section(verb: Verb) -> str:
    return f"## {verb.name}\n\n" + "\n\n".join(_parts(verb))


def _parts(verb: Verb) -> Iterator[str]:
    yield verb.summary
    facts = [f"- **Object**: {SOURCES.get(verb.name, 'images') if verb.object == 'source' else OBJECTS[verb.object]}"]
    facts += [f"  - {TARGETS[kind]}" for kind in verb.targets]
    clauses = [c for c in CLAUSES if c in verb.clauses]
    if clauses:
        facts.append(f"- **Clauses**: {codes(clauses)}; a method may read fewer")
    if verb.methods and verb.name != "PLAN":
        names = [f"[`{name}`](methods.md#{name})" for name in methods_of(verb.name)]
        facts.append(f"- **Methods**: {', '.join(names) or 'none in this version: the checker says so (`not-here`)'}")
    facts.append(f"- **Ordered by**: {codes(verb.order)}")
    yield "\n".join(facts)
    yield block(verb.example)
    yield columns(verb.columns)
