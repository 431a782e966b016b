"""Methods after USING: which the verb has, which clauses and kinds of target they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import ast
from .ast import Span
from .bind import parameter_value
from .checked import Answer, CheckedTarget, GroupTarget, UnitTarget
from .declare import Bound, Catalog, MethodDeclaration, ModelLike, Selected, Thing
from .diagnostic import Diagnostic, did_you_mean, listing
from .resolve import SPOKEN
from .targets import KINDS
from .verbs import CLAUSES, VERBS

ALWAYS_READ = frozenset({"OF", "IN", "ON", "USING", "TO", "FOR"})


def declared(call: ast.Method, verb: str, catalog: Catalog) -> MethodDeclaration:
    """The declaration of a method after USING. Raises Diagnostic for one that the verb does not have."""
    known = {m.name: m for m in catalog.methods(verb)}
    name_node = call.name if isinstance(call, ast.Call) else call
    written = name_node if isinstance(name_node, ast.Name) else None
    name = written.text if written else str(parameter_value(name_node, catalog))  # type: ignore[arg-type]
    if isinstance(call, ast.Call) and call.selection is not None:
        raise Diagnostic("unexpected", "Nothing can be selected from a method", call.selection.span)
    if name in known:
        return known[name]
    span = name_node.span
    thing = catalog.find(name)
    if thing is not None and thing.kind in SPOKEN:
        spoken = SPOKEN[thing.kind]
        message = f"{name} is {spoken.one}; {spoken.belong}. USING takes a method, such as {next(iter(known))}"
        raise Diagnostic("wrong-kind", message, span)
    elsewhere = next((m for m in catalog.methods() if m.name == name), None)
    if elsewhere is not None:
        message = f"{name} is a method of {', '.join(elsewhere.verbs)}. {verb} has {listing(known)}"
        raise Diagnostic("unknown-method", message, span)
    near = did_you_mean(name, known)
    others = [m for m in known if not near or m not in near]
    rest = f" Others: {listing(others)}" if near and others else f" Its methods: {listing(known)}" if not near else ""
    raise Diagnostic("unknown-method", f"{verb} has no method {name}.{near}{rest}", span)


def refuse_unread(query: ast.Query, bounds: Sequence[Bound], catalog: Catalog) -> None:
    """A clause that no method of the query reads says nothing, so it is refused."""
    declared = [b.declaration for b in bounds if isinstance(b.declaration, MethodDeclaration)]

    def reads(method: MethodDeclaration, keyword: str) -> bool:
        # Most metrics look at the rows of an answer alone, or at the images behind it.
        images = query.verb == "EVALUATE" and keyword == "ON" and "images" in method.needs
        return images or keyword in method.clauses

    always = ALWAYS_READ - {"ON"} if query.verb == "EVALUATE" else ALWAYS_READ
    for keyword, span in query.clause_spans.items():
        if keyword not in CLAUSES or keyword in always or any(reads(d, keyword) for d in declared):
            continue
        able = [m.name for m in catalog.methods(query.verb) if reads(m, keyword)]
        does = f"; {listing(able)} {'does' if len(able) == 1 else 'do'}" if able else ""
        names = " and ".join(dict.fromkeys(d.name for d in declared))
        word = Span(span.start, span.start + len(keyword.split()[0]))
        raise Diagnostic("unexpected", f"{names} reads no {keyword}{does}", word)


def fit_found(
    query: ast.Query, targets: Sequence[CheckedTarget], methods: Sequence[Bound], catalog: Catalog
) -> None:
    """Kinds of target that rows of an answer hold and a method does not take; what was written has been told of."""
    written = {target.kind for target in query.targets}
    for target in targets:
        unit, group = isinstance(target, UnitTarget), isinstance(target, GroupTarget)
        kind = "place" if unit else "group" if group else target.kind  # type: ignore[union-attr]
        for bound in methods if kind not in written else ():
            declaration = bound.declaration
            if isinstance(declaration, MethodDeclaration) and kind not in declaration.targets:
                able = [m.name for m in catalog.methods(query.verb) if kind in m.targets]
                use = f": use {listing(able)}" if able else ""
                message = f"There are rows of {KINDS[kind]} here, which {declaration.name} does not take{use}"
                raise Diagnostic("wrong-kind", message, target.span)


def fit_judges(
    query: ast.Query, judges: Sequence[Thing], methods: Sequence[Bound], places: Mapping[str, Span]
) -> None:  # fmt: skip
    """Judges that hold vectors and no network, where a method has the judge look at parts of images."""
    kinds = {"place" if target.kind == "subquery" else target.kind for target in query.targets}
    for method in methods:
        sees = isinstance(method.declaration, MethodDeclaration) and kinds & method.declaration.crops
        for judge in judges if sees else ():
            if isinstance(judge, ModelLike) and judge.as_model() is None:
                message = f"{judge.name} holds vectors computed before, and {method.declaration.name} has crops judged"
                hint = "use a judge that can embed images, or clip_dissect"
                raise Diagnostic("wrong-kind", message, places.get(judge.name, query.span), hint=hint)


def fit_answer(source: Selected | None, methods: Sequence[Bound]) -> None:
    """A metric of EVALUATE measures answers of some verbs alone."""
    if source is None or not isinstance(source.thing, Answer):
        return
    verb, name = source.thing.verb, source.thing.name or "this"
    for bound in methods:
        declaration = bound.declaration
        metric = isinstance(declaration, MethodDeclaration) and "EVALUATE" in declaration.verbs
        if metric and verb not in declaration.answers:  # type: ignore[attr-defined]
            takes = listing(declaration.answers)  # type: ignore[attr-defined]
            message = f"{declaration.name} measures answers of {takes}; {name} is one of {verb}"
            raise Diagnostic("wrong-kind", message, source.span)


def fit_targets(query: ast.Query, methods: Sequence[Bound], catalog: Catalog) -> None:
    """Kinds of target that no method here, or not this method, takes."""
    every = catalog.methods(query.verb)
    if not every:
        return
    for target in query.targets:
        kind = "place" if target.kind == "subquery" else target.kind
        if kind == "model" and "model" not in VERBS[query.verb].targets:
            name = target.model.text if isinstance(target.model, ast.Name) else "labnet"
            message = f"The model comes after OF: {query.verb} layer4 OF {name}"
            raise Diagnostic("wrong-kind", message, target.span)
        able = [m for m in every if kind in m.targets]
        if not able:
            there = ", ".join(sorted({KINDS[k] for m in every for k in m.targets}))
            message = f"{query.verb} {KINDS[kind]} does not exist in this version. What {query.verb} takes: {there}"
            raise Diagnostic("not-here", message, target.span)
        for bound in methods:
            declaration = bound.declaration
            if isinstance(declaration, MethodDeclaration) and kind not in declaration.targets:
                takes = ", ".join(KINDS[k] for k in declaration.targets)
                message = f"{declaration.name} takes {takes}; for {KINDS[kind]} use {listing(m.name for m in able)}"
                if kind == "class" and "text" in declaration.targets and isinstance(target.constants[0], ast.Constant):
                    message += f"; for the word: TEXT '{target.constants[0].value}' … JUDGED BY labclip"
                raise Diagnostic("wrong-kind", message, bound.span if bound.given or query.using else target.span)
