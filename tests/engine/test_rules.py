"""Rules: what each makes of a plan (golden files), that every plan stays sound, and that answers do not change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import ToyCrops, ToyJoin, ToyPairs, ToyScan, ToyTop, expected, images, model, rows, sample

from clq.engine.operator import Operator, Scan
from clq.engine.plan import Compute, Pass, Plan, Round, graph_of, naive, ordered
from clq.engine.resources import Resources
from clq.engine.rules import RULES, Rule
from clq.engine.run import optimize, run
from clq.engine.spec import INVARIANTS, violations
from clq.engine.store import Store

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """A plan in words, its roots, and what the store has already."""

    asked: str
    roots: Callable[[], tuple[Operator, ...]]
    stored: Callable[[], tuple[Operator, ...]] = tuple


DATA, OTHER = images(20), images(9, seed=1)


def scan(weight: int = 3, layer: int = 0, data: Any = DATA) -> ToyScan:
    return ToyScan(model(weight), data, layer)


def crops(k: int, weight: int = 3, layer: int = 0, data: Any = DATA, of: Scan | None = None) -> ToyCrops:
    return ToyCrops(model(weight), data, ToyTop(of or scan(), k), layer)


def pairs(layers: tuple[int, ...], most: int) -> ToyPairs:
    return ToyPairs(model(), sample(*range(9)), layers, most)


JOIN = ToyJoin((scan(),))
CASES: dict[str, tuple[Case, ...]] = {
    "cut_cached": (
        Case("an answer that is in the store costs nothing", lambda: (JOIN,), lambda: (JOIN,)),
        Case("a new answer over stored activations", lambda: (ToyJoin((scan(),), 2),), lambda: (scan(),)),
        Case("one of two layers is in the store", lambda: (ToyJoin((scan(), scan(layer=1))),), lambda: (scan(),)),
        Case("what only cached work needs is left out, what others need is not",
             lambda: (ToyJoin((crops(3),)), ToyTop(scan(), 2)), lambda: (crops(3),)),
        Case("nothing is in the store", lambda: (ToyJoin((scan(),)),)),
    ),
    "fuse_captures": (
        Case("two layers of a model are one forward", lambda: (ToyJoin((scan(), scan(layer=1))),)),
        Case("two models stay two forwards", lambda: (ToyJoin((scan(3), scan(5))),)),
        Case("one model over two data sets stays two forwards", lambda: (ToyJoin((scan(), scan(data=OTHER))),)),
        Case("two queries that share a model", lambda: (ToyJoin((scan(),), 2), ToyJoin((scan(layer=1),), 3))),
        Case("other units and other numbers of images share their crops",
             lambda: (ToyJoin((pairs((0, 1), 3),)), ToyJoin((pairs((1, 2), 3), pairs((1,), 5))))),
        Case("crops come after what chooses them", lambda: (ToyJoin((crops(3), crops(2), scan(layer=1))),)),
    ),
    "share_scans": (
        Case("a subject and a judge read from one decode", lambda: (ToyJoin((scan(3), scan(5))),)),
        Case("two data sets stay two rounds", lambda: (ToyJoin((scan(), scan(data=OTHER))),)),
        Case("crops of two models share the second round", lambda: (ToyJoin((crops(3), crops(3, 5), scan(7))),)),
        Case("three rounds, one after another", lambda: (ToyJoin((crops(2, of=crops(5)),)),)),
        Case("crops of a stored layer join round one", lambda: (ToyJoin((crops(3), scan(5))),), lambda: (scan(),)),
    ),
}  # fmt: skip


def compute(plan: Plan, store: Store) -> Resources:
    resources = Resources(batch=4, workers=1, shard=7)
    run(plan, store, resources)
    return resources


def prepared(case: Case, path: Path) -> Store:
    store = Store(path)
    for operator in case.stored():
        run(optimize([operator], store), store, Resources(workers=1))
    if not case.stored():
        return store
    kept = {o.key for o in case.stored()}
    for folder in (store.root / "objects").glob("*/*"):
        if folder.name not in kept:  # what the stored artifacts were made of is gone
            (folder / "artifact.json").unlink()
    return Store(path)


def shown(plan: Plan) -> list[str]:
    """A plan as numbered text: one line an operator, in the order of the steps."""
    names = {}
    for operator in ordered(plan.graph):
        if operator.scope == "source":
            names[operator.key] = operator.label()
    lines: list[str] = []

    def reads(operator: Operator) -> str:
        return ", ".join(names.get(i.key, f"store: {i.label()}") for i in operator.inputs)

    def write(operator: Operator, indent: str) -> None:
        names[operator.key] = f"p{sum(n[:1] == 'p' and n[1:].isdigit() for n in names.values()) + 1}"
        lines.append(f"{indent}{names[operator.key]} := {operator.label()} <- {reads(operator)}")

    for step in plan.steps:
        if isinstance(step, Compute):
            write(step.operator, "")
            continue
        lines.append(f"round over {step.dataset.name}")
        for work in step.passes:
            lines.append(f"  {work.label}")
            for part in work.scans:
                write(part, "    ")
    return lines or ["nothing to do"]


def rewritten(case: Case, rule: str, store: Store) -> tuple[Plan, Plan]:
    """The plan as it comes to a rule, and what the rule makes of it."""
    plan = naive(case.roots())
    for each in RULES:
        before, plan = plan, each(plan, store)
        if each.__name__ == rule:
            return before, plan
    raise AssertionError(rule)


@pytest.mark.parametrize("rule", [r.__name__ for r in RULES])
def test_rule_rewrites_plans_as_its_golden_file_says(rule: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    out: list[str] = []
    for number, case in enumerate(CASES[rule]):
        store = prepared(case, tmp_path / str(number))
        before, after = rewritten(case, rule, store)
        out += [f"# {case.asked}", "before", *(f"  {line}" for line in shown(before)), "after"]
        out += [*(f"  {line}" for line in (shown(after) if after.steps != before.steps else ["the same"])), ""]
    golden = HERE / "plans" / f"{rule}.plan"
    text = "\n".join(out)
    if request.config.getoption("--accept", default=False):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), "look at the difference; pytest --accept writes the new plan"


def all_cases() -> list[Any]:
    return [pytest.param(case, id=f"{rule}: {case.asked}") for rule, cases in CASES.items() for case in cases]


@pytest.mark.parametrize("case", all_cases())
def test_the_plan_of_a_case_gives_what_the_plain_plan_gives(case: Case, tmp_path: Path) -> None:
    plain, clever = Store(tmp_path / "plain"), prepared(case, tmp_path / "clever")
    compute(naive(case.roots()), plain)
    compute(optimize(case.roots(), clever), clever)
    for root in case.roots():
        assert rows(plain, root) == rows(clever, root) == expected(root)


@pytest.mark.parametrize("case", all_cases())
def test_every_rule_leaves_a_sound_plan(case: Case, tmp_path: Path) -> None:
    store = prepared(case, tmp_path)
    plan = naive(case.roots())
    assert violations(plan) == []
    for rule in RULES:
        plan = rule(plan, store)
        assert violations(plan) == [], rule.__name__


def test_every_rule_stands_in_a_file_of_its_name_with_a_golden_file() -> None:
    for rule in RULES:
        assert rule.__module__ == f"clq.engine.rules.{rule.__name__}"
        assert rule.__doc__
    names = {rule.__name__ for rule in RULES}
    assert {p.stem for p in (HERE / "plans").glob("*.plan")} == names == set(CASES)


def test_an_operator_without_a_scope_cannot_be_planned() -> None:
    class Odd(Operator):
        pass

    with pytest.raises(TypeError, match="neither source, scan nor global"):
        naive([Odd()])


# ------------------------------------------------------------ every invariant can fail


def sound() -> Plan:
    return optimize_free(ToyJoin((scan(), scan(layer=1), crops(3))))


def optimize_free(root: Operator) -> Plan:
    plan = naive([root])
    for rule in RULES[1:]:
        plan = rule(plan, None)  # type: ignore[arg-type]
    return plan


def cyclic(plan: Plan) -> Plan:
    broken = replace(plan)
    graph: nx.DiGraph = nx.DiGraph(graph_of(plan.roots))
    graph.add_edge(plan.roots[0].key, scan().key)
    broken.__dict__["graph"] = graph
    return broken


def with_round(plan: Plan, change: Callable[[Round], Round]) -> Plan:
    steps = list(plan.steps)
    place = next(i for i, s in enumerate(steps) if isinstance(s, Round))
    steps[place] = change(plan.rounds[0])
    return replace(plan, steps=tuple(steps))


class Hasty(ToyTop):
    """A field that no key may have."""

    @property
    def arguments(self) -> dict[str, Any]:  # type: ignore[override]
        return {"device": "cuda"}


BROKEN: dict[str, Callable[[Plan], Plan]] = {
    "acyclic": cyclic,
    "inputs_come_first": lambda p: replace(p, steps=p.steps[::-1]),
    "nothing_twice": lambda p: replace(p, steps=(*p.steps, p.steps[0])),
    "roots_are_made": lambda p: replace(p, steps=p.steps[:-1]),
    "rounds_read_one_dataset": lambda p: with_round(p, lambda r: replace(r, dataset=OTHER)),
    "passes_share_one_forward": lambda p: with_round(
        p, lambda r: replace(r, passes=(Pass((*r.passes[0].scans, scan(5))),))
    ),
    "keys_hold_no_running_conditions": lambda p: replace(p, steps=(*p.steps, Compute(Hasty(scan(), 3)))),
}


def test_every_invariant_is_shown_to_fail() -> None:
    assert set(BROKEN) == {check.__name__ for check in INVARIANTS}


@pytest.mark.parametrize("check", INVARIANTS, ids=lambda c: c.__name__)
def test_an_invariant_holds_of_a_sound_plan_and_fails_on_a_broken_one(check: Callable[[Plan], str | None]) -> None:
    assert check(sound()) is None
    said = check(BROKEN[check.__name__](sound()))
    assert said is not None and len(said) > 10


# ------------------------------------------------------------ any plan


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Operator, ...]:
    """Up to three answers over scans, selections and crops of selections, over two data sets and three models."""
    data = [images(draw(st.integers(0, 13))), images(7, seed=1)]
    pick = st.sampled_from(data)
    weights, layers = st.sampled_from([3, 5, 7]), st.integers(0, 2)
    scans: list[Operator] = [
        ToyScan(model(draw(weights)), draw(pick), draw(layers)) for _ in range(draw(st.integers(1, 4)))
    ]
    tops: list[Operator] = []
    for _ in range(draw(st.integers(0, 4))):
        tops.append(ToyTop(draw(st.sampled_from(scans)), draw(st.integers(0, 5))))
        if draw(st.booleans()):
            scans.append(ToyCrops(model(draw(weights)), draw(pick), draw(st.sampled_from(tops)), draw(layers)))
    parts = st.lists(st.sampled_from([*scans, *tops]), min_size=1, max_size=4)
    return tuple(ToyJoin(tuple(draw(parts)), scale) for scale in range(1, draw(st.integers(1, 3)) + 1))


def rounds_needed(roots: tuple[Operator, ...]) -> int:
    """For each data set, the number of different depths at which it is read; worked out apart from the engine."""

    def depth(operator: Operator) -> int:
        return max((depth(i) + isinstance(i, Scan) for i in operator.inputs), default=0)

    def below(operator: Operator) -> Iterator[Operator]:
        yield operator
        for given_ in operator.inputs:
            yield from below(given_)

    return len({(o.dataset.key, depth(o)) for root in roots for o in below(root) if isinstance(o, Scan)})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(roots=graphs(), stored=st.sets(st.integers(0, 30), max_size=4))
def test_any_plan_optimised_gives_what_it_gives_plainly_and_reads_each_image_once_a_round(
    tmp_path_factory: pytest.TempPathFactory, roots: tuple[Operator, ...], stored: set[int]
) -> None:
    path = tmp_path_factory.mktemp("any")
    fresh = Store(path / "fresh")
    plan = naive(roots)
    for rule in RULES:
        plan = rule(plan, fresh)
        assert violations(plan) == [], rule.__name__
    resources = compute(plan, fresh)
    assert [rows(fresh, r) for r in roots] == [expected(r) for r in roots]
    assert len(plan.rounds) == rounds_needed(roots)
    for round_ in plan.rounds:
        assert len({(p.scans[0].pass_key) for p in round_.passes}) == len(round_.passes)
    read = [i for source in {r.dataset.key: r.dataset for r in plan.rounds}.values() for i in reads(resources, source)]
    assert len(read) == resources.counts["decoded"] == sum(len(needed(r)) for r in plan.rounds)

    partly = Store(path / "partly")
    known = [o for o in ordered(graph_of(roots)) if o.scope != "source"]
    some = [known[n % len(known)] for n in stored]
    compute(optimize(some, partly), partly)
    again = optimize(roots, Store(partly.root))
    assert violations(again) == []
    compute(again, Store(partly.root))
    assert [rows(Store(partly.root), r) for r in roots] == [expected(r) for r in roots]


def reads(resources: Resources, source: Any) -> list[int]:
    found: list[int] = resources.open(source).reads
    return found


def needed(round_: Round) -> set[int]:
    """The images that the scans of a round need, each once."""
    return {i for s in round_.scans for (i, _) in expected(s)}


def test_rules_are_functions_of_plan_and_store() -> None:
    assert all(callable(rule) for rule in RULES) and isinstance(RULES, tuple)
    chosen: Rule = RULES[0]
    assert chosen(naive([]), None).steps == ()  # type: ignore[arg-type]
