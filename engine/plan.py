"""A plan: what is asked for, and the steps that lead there. Rules rewrite the steps; the runner carries them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from .operator import Global, Operator, Scan, Source

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class Pass:
    """One model's work on each image: scans that share a forward."""

    scans: tuple[Scan, ...]

    @property
    def label(self) -> str:
        return self.scans[0].pass_label


@dataclass(frozen=True)
class Round:
    """One reading of a data set: every image is decoded once for all passes."""

    dataset: Source
    passes: tuple[Pass, ...]

    @property
    def scans(self) -> tuple[Scan, ...]:
        return tuple(s for p in self.passes for s in p.scans)


@dataclass(frozen=True)
class Compute:
    """One global operator."""

    operator: Global


Step = Round | Compute


def outputs(step: Step) -> tuple[Operator, ...]:
    """The operators whose artifacts a step makes."""
    return step.scans if isinstance(step, Round) else (step.operator,)


def round_number(steps: Sequence[Step], number: int) -> int:
    """Which of the rounds a step is, from 1."""
    return 1 + sum(isinstance(s, Round) for s in steps[:number])


@dataclass(frozen=True)
class Plan:
    """`roots` are the answers asked for; `steps` make them, each after its inputs; `cached` are already in the
    store."""

    roots: tuple[Operator, ...]
    steps: tuple[Step, ...]
    cached: frozenset[str] = frozenset()

    @cached_property
    def graph(self) -> nx.DiGraph:
        return graph_of(self.roots)

    @cached_property
    def order(self) -> tuple[Operator, ...]:
        """The operators, inputs first; equal plans give equal orders."""
        return tuple(ordered(self.graph))

    def having(self, steps: Iterable[Step], cached: frozenset[str] | None = None) -> Plan:
        """The same answers by other steps; what was found out about the operators is kept."""
        other = replace(self, steps=tuple(steps), cached=self.cached if cached is None else cached)
        vars(other).update({name: vars(self)[name] for name in ("graph", "order") if name in vars(self)})
        return other

    @property
    def rounds(self) -> tuple[Round, ...]:
        return tuple(s for s in self.steps if isinstance(s, Round))


def graph_of(roots: Iterable[Operator]) -> nx.DiGraph:
    """The operators under `roots`, an edge from each input to its reader. Nodes are keys, with attribute `operator`.

    Nodes stand in the order of the question: each after its inputs, the first root's before the second's.
    """
    import networkx as nx

    graph = nx.DiGraph()
    todo = [(root, False) for root in reversed(tuple(roots))]
    while todo:
        operator, inputs_stand = todo.pop()
        if operator.key in graph:
            continue
        if inputs_stand or not operator.inputs:
            graph.add_node(operator.key, operator=operator)
            graph.add_edges_from((given.key, operator.key) for given in operator.inputs)
        else:
            todo.append((operator, True))
            todo += [(given, False) for given in reversed(operator.inputs)]
    return graph


def ordered(graph: nx.DiGraph) -> list[Operator]:
    """The operators of `graph_of`, inputs first; equal questions give equal orders, whatever their keys."""
    return [operator for _, operator in graph.nodes(data="operator")]


def naive(roots: Iterable[Operator]) -> Plan:
    """The plan before any rule: every scan reads the images for itself, everything is computed."""
    asked = Plan(tuple(roots), ())
    steps: list[Step] = []
    for operator in asked.order:
        if isinstance(operator, Scan):
            steps.append(Round(operator.dataset, (Pass((operator,)),)))
        elif isinstance(operator, Global):
            steps.append(Compute(operator))
        elif not isinstance(operator, Source):
            raise TypeError(f"{type(operator).__name__} is neither source, scan nor global")
    return asked.having(steps)


def levels(plan: Plan) -> dict[str, int]:
    """How many readings of images must come before each operator: scans at one level can share a round."""
    depth: dict[str, int] = {}
    for operator in plan.order:
        if operator.key in plan.cached:  # whatever it was made of, nothing needs to come before it now
            depth[operator.key] = 0
            continue
        depth[operator.key] = max(
            (
                depth[i.key] + (1 if isinstance(i, Scan) and i.key not in plan.cached else 0)
                for i in operator.inputs
            ),
            default=0,
        )  # fmt: skip
    return depth


def in_order(steps: Iterable[Step], plan: Plan) -> list[Step]:
    """Steps by level, computations of a level before its rounds (which may need them), each after its inputs."""
    depth = levels(plan)
    place = {o.key: i for i, o in enumerate(plan.order)}

    def when(step: Step) -> tuple[int, bool, int]:
        made = outputs(step)
        return max(depth[o.key] for o in made), isinstance(step, Round), max(place[o.key] for o in made)

    return sorted(steps, key=when)
