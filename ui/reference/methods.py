"""methods.md: every method as it declares itself."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from ...lang.declare import MethodDeclaration
from ...lang.verbs import CLAUSES
from ...stdlib.catalog import methods
from .markdown import block, borrowed, codes, parameters
from .markdown import page as made
from .verbs import TARGETS

NEEDS = {
    "judge": "a judge",
    "captions": "captions",
    "words": "words",
    "images": "images",
    "gradients": "gradients of the model",
    "classifier": "a model that tells classes apart",
}


def page() -> str:
    about = (
        "A method answers the questions of its verbs: `USING name(argument = value, …)`. Arguments may be given by "
        "position in the order below; `each(…)` as a value runs the method once for each. `SHOW METHOD name` prints "
        "the same, `clq cite name` whom to cite."
    )
    found = sorted((m.declaration for m in methods().values()), key=lambda d: d.name)
    return made("Methods", about, *(section(d) for d in found))


def section(method: MethodDeclaration) -> str:
    return f"## {method.name}\n\n" + "\n\n".join(_parts(method))


def _parts(method: MethodDeclaration) -> Iterator[str]:
    yield f"{method.summary[0].upper()}{method.summary[1:]}."
    facts = [f"- **Verbs**: {', '.join(f'[{v}](verbs.md#{v.lower()})' for v in method.verbs)}"]
    if "EVALUATE" in method.verbs:
        facts.append("- **Measures answers of**: " + ", ".join(f"[{v}](verbs.md#{v.lower()})" for v in method.answers))
    elif any(verb != "EMBED" for verb in method.verbs):
        facts.append("- **Targets**: " + "; ".join(TARGETS[kind] for kind in method.targets))
    read = codes(c for c in CLAUSES if c in method.clauses)
    facts.append(f"- **Clauses beyond OF, IN, ON and USING**: {read or 'none'}")
    facts.append(f"- **Needs**: {', '.join(NEEDS[n] for n in NEEDS if n in method.needs) or 'nothing more'}")
    if method.abstains:
        facts.append(f"- **Leaves a concept NULL when** {method.abstains}")
    if method.citation is not None:
        facts.append(f"- **Source**: {method.citation.text()}" + (f" <{url}>" if (url := method.citation.url) else ""))
    facts += [f"- **Builds on**: {work.text()}" for work in method.builds_on]
    yield "\n".join(facts)
    yield block(written(method))
    yield parameters(method.parameters)


def written(method: MethodDeclaration) -> str:
    """A call with every argument at its default, broken into lines."""
    defaults = {p.name: p.default for p in method.parameters}
    inside = ", ".join(
        f"{p.name}={_value(p.default)}" for p in method.parameters if not borrowed(p) and p.counts(defaults)
    )
    lead = f"USING {method.name}("
    return fill(f"{lead}{inside})", 100, subsequent_indent=" " * len(lead)) if inside else lead[:-1]


def _value(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
