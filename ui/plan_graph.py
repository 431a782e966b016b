"""A plan as a graph: Mermaid and Graphviz text, and an SVG picture. Rounds are boxes, what is stored is grey."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from ..engine.operator import Operator, Source
from ..engine.plan import Round
from .render_plan import numbers_of

if TYPE_CHECKING:
    from .render_plan import PlanView

WIDE, HIGH, GAP_X, GAP_Y, MARGIN = 190, 44, 26, 46, 20
_LETTERS = 27  # of a line in a box


def _names(view: PlanView) -> dict[str, str]:
    return {key: f"p{number}" for key, number in numbers_of(view.plan).items()}


def _groups(view: PlanView) -> Iterator[tuple[str, list[Operator]]]:
    """The rounds, with the scans that they make."""
    for number, step in enumerate((s for s in view.plan.steps if isinstance(s, Round)), 1):
        yield f"round {number}: {step.dataset.name}", list(step.scans)


def mermaid(view: PlanView) -> str:
    """https://mermaid.js.org: a flowchart; text in quotes, with the characters that end them as entities."""
    names = _names(view)

    def box(operator: Operator) -> str:
        text = operator.label().replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
        left, right = ("([", "])") if isinstance(operator, Source) else ("[", "]")
        return f'{names[operator.key]}{left}"{text}"{right}'

    out = ["flowchart TD"]
    grouped = set()
    for number, (title, scans) in enumerate(_groups(view), 1):
        out.append(f'  subgraph r{number}["{title}"]')
        out += [f"    {box(s)}" for s in scans]
        out.append("  end")
        grouped |= {s.key for s in scans}
    out += [f"  {box(o)}" for o in view.plan.order if o.key not in grouped]
    out += [f"  {names[i.key]} --> {names[o.key]}" for o in view.plan.order for i in o.inputs]
    stored = [names[k] for k in sorted(view.plan.cached, key=lambda k: int(names[k][1:]))]
    if stored:
        out += ["  classDef stored fill:#ddd,stroke:#999,color:#555", f"  class {','.join(stored)} stored"]
    return "\n".join(out)


def dot(view: PlanView) -> str:
    """https://graphviz.org: a digraph with a cluster for each round."""
    names = _names(view)

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def node(operator: Operator) -> str:
        shape = "ellipse" if isinstance(operator, Source) else "box"
        grey = ", style=filled, fillcolor=gray85" if operator.key in view.plan.cached else ""
        return f"{names[operator.key]} [label={quoted(operator.label())}, shape={shape}{grey}];"

    out = ["digraph plan {", "  rankdir=TB;"]
    grouped = set()
    for number, (title, scans) in enumerate(_groups(view), 1):
        out += [f"  subgraph cluster_{number} {{", f"    label={quoted(title)};"]
        out += [f"    {node(s)}" for s in scans]
        out.append("  }")
        grouped |= {s.key for s in scans}
    out += [f"  {node(o)}" for o in view.plan.order if o.key not in grouped]
    out += [f"  {names[i.key]} -> {names[o.key]};" for o in view.plan.order for i in o.inputs]
    return "\n".join([*out, "}"])


def svg(view: PlanView) -> str:
    """A picture, laid out by generation: each node below everything it reads."""
    places, width, height = _layout(view)
    names = _names(view)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="11">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#888"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    rounds = {s.key: n for n, (_, scans) in enumerate(_groups(view), 1) for s in scans}
    for operator in view.plan.order:
        for given in operator.inputs:
            (x0, y0), (x1, y1) = places[given.key], places[operator.key]
            colour = "#d5dcee" if isinstance(given, Source) else "#999"
            out.append(_arrow(x0 + WIDE / 2, y0 + HIGH, x1 + WIDE / 2, y1, colour))
    for operator in view.plan.order:
        out.append(_box(operator, names[operator.key], *places[operator.key], view, rounds.get(operator.key)))
    return "\n".join([*out, "</svg>"])


def _layout(view: PlanView) -> tuple[dict[str, tuple[float, int]], int, int]:
    """Where each node stands; nodes of a generation in the order in which they are read, to keep arrows short."""
    import networkx as nx

    graph = view.plan.graph
    order = {o.key: i for i, o in enumerate(view.plan.order)}
    generations = [sorted(g, key=order.__getitem__) for g in nx.topological_generations(graph)]
    layer = {key: n for n, keys in enumerate(generations) for key in keys}
    widest = max(map(len, generations), default=1)
    width = widest * (WIDE + GAP_X) - GAP_X + 2 * MARGIN
    spread: dict[str, float] = {}
    for keys in generations:
        centre = {k: _centre(k, graph, spread, width) for k in keys}
        for n, key in enumerate(sorted(keys, key=lambda k: (centre[k], order[k]))):
            room = (width - 2 * MARGIN - len(keys) * WIDE) / (len(keys) + 1)
            spread[key] = MARGIN + room * (n + 1) + n * WIDE
    places = {k: (x, MARGIN + layer[k] * (HIGH + GAP_Y)) for k, x in spread.items()}
    return places, int(width), int(2 * MARGIN + len(generations) * (HIGH + GAP_Y) - GAP_Y)


def _centre(key: str, graph: object, spread: dict[str, float], width: float) -> float:
    above = [spread[k] for k in graph.predecessors(key)]  # type: ignore[attr-defined]
    return sum(above) / len(above) if above else width / 2


def _arrow(x0: float, y0: float, x1: float, y1: float, colour: str) -> str:
    bend = (y1 - y0) / 2
    path = f"M{x0:.0f} {y0:.0f} C{x0:.0f} {y0 + bend:.0f} {x1:.0f} {y1 - bend:.0f} {x1:.0f} {y1 - 2:.0f}"
    return f'<path d="{path}" fill="none" stroke="{colour}" marker-end="url(#tip)"/>'


def _box(operator: Operator, name: str, x: float, y: float, view: PlanView, number: int | None) -> str:
    stored, source = operator.key in view.plan.cached, isinstance(operator, Source)
    fill, stroke = ("#eee", "#bbb") if stored else ("#f4f7ff", "#7a93d8") if source else ("#fff", "#555")
    if number is not None:
        fill, stroke = "#fff6e5", "#d99a2b"
    told = f"round {number}" if number is not None else "stored" if stored else ""
    lines = _wrapped(operator.label())
    text = "".join(
        f'<tspan x="{x + 10:.0f}" dy="{13 if n else 0}">{escape(line)}</tspan>' for n, line in enumerate(lines)
    )
    corner = HIGH / 2 if source else 6
    return (
        f'<g><title>{escape(name)}: {escape(operator.label())}</title>'
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDE}" height="{HIGH}" rx="{corner:.0f}" fill="{fill}" '
        f'stroke="{stroke}"/><text x="{x + 10:.0f}" y="{y + (18 if len(lines) > 1 else 26):.0f}" fill="#222">{text}'
        f'</text><text x="{x + WIDE:.0f}" y="{y - 4:.0f}" text-anchor="end" fill="#777" font-size="10">'
        f"{escape(f'{name} {told}'.strip())}</text></g>"
    )


def _wrapped(text: str) -> list[str]:
    """A label in two lines, the second cut short if need be; the whole stands in the title."""
    words, lines = text.split(), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _LETTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    cut = [line if len(line) <= _LETTERS + 2 else line[:_LETTERS] + "…" for line in lines]
    return cut if len(cut) <= 2 else [cut[0], cut[1][: _LETTERS - 1] + "…"]
