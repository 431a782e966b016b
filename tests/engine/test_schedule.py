"""The scheduler as lists of events: who is given what, in which order, and what a loss or a failure leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clq.engine.schedule import (
    DEATHS,
    Action,
    Busy,
    Done,
    Event,
    Fail,
    Failed,
    Finish,
    Finished,
    Found,
    Give,
    Joined,
    Lost,
    Open,
    Opened,
    State,
    Task,
    begin,
    react,
)


def told(needs: Sequence[set[int]], rounds: set[int], *events: Event) -> tuple[State, list[tuple[Action, ...]]]:
    """The state after some events, and the actions that each of them led to."""
    state, actions = begin([frozenset(n) for n in needs], frozenset(rounds)), []
    for event in events:
        state, some = react(state, event)
        actions.append(some)
    return state, actions


def test_a_round_is_opened_given_out_shard_by_shard_finished_and_then_what_needs_it_follows() -> None:
    state, actions = told(
        [set(), {0}], {0},
        Joined("a"), Opened(0, (0, 1)), Done("a", Task(0, 0)), Done("a", Task(0, 1)), Finished(0), Done("a", Task(1)),
    )  # fmt: skip
    assert actions == [
        (Open(0),), (Give("a", Task(0, 0)),), (Give("a", Task(0, 1)),), (Finish(0),), (Give("a", Task(1)),), (),
    ]  # fmt: skip
    assert state.over


def test_a_round_whose_shards_are_all_there_is_finished_at_once() -> None:
    _, actions = told([set()], {0}, Joined("a"), Opened(0, ()))
    assert actions == [(Open(0),), (Finish(0),)]


def test_steps_that_do_not_need_each_other_are_done_at_the_same_time() -> None:
    _, actions = told([set(), set(), {0, 1}], set(), Joined("a"), Joined("b"), Done("b", Task(1)), Done("a", Task(0)))
    assert actions == [(Give("a", Task(0)),), (Give("b", Task(1)),), (), (Give("b", Task(2)),)]


def test_what_another_process_does_is_put_off_and_waited_for_when_nothing_else_is_left() -> None:
    state, actions = told(
        [set()], {0},
        Joined("a"), Opened(0, (0, 1, 2)), Busy("a", Task(0, 0)), Done("a", Task(0, 1)), Busy("a", Task(0, 2)),
        Found("a", Task(0, 0)), Done("a", Task(0, 2)),
    )  # fmt: skip
    assert actions[1:] == [
        (Give("a", Task(0, 0)),), (Give("a", Task(0, 1)),), (Give("a", Task(0, 2)),),
        (Give("a", Task(0, 0), wait=True),), (Give("a", Task(0, 2), wait=True),), (Finish(0),),
    ]  # fmt: skip
    assert not state.over, "the round is not declared whole yet"


def test_two_workers_wait_for_two_things() -> None:
    _, actions = told(
        [set()], {0}, Joined("a"), Joined("b"), Opened(0, (0, 1)), Busy("a", Task(0, 0)), Busy("b", Task(0, 1))
    )
    assert actions[3:] == [(Give("a", Task(0, 0), wait=True),), (Give("b", Task(0, 1), wait=True),)]


def test_the_task_of_a_lost_worker_is_given_to_the_next_one_first() -> None:
    _, actions = told(
        [set()], {0}, Joined("a"), Joined("b"), Opened(0, (0, 1, 2)), Lost("a"), Done("b", Task(0, 1)),
        Done("b", Task(0, 0)), Lost("b"), Joined("c"),
    )  # fmt: skip
    assert actions[3:] == [
        (), (Give("b", Task(0, 0)),), (Give("b", Task(0, 2)),), (), (Give("c", Task(0, 2)),)
    ]  # fmt: skip


def test_an_idle_worker_that_is_lost_is_given_nothing_any_more() -> None:
    _, actions = told([set()], {0}, Joined("a"), Joined("b"), Lost("a"), Opened(0, (0, 1)))
    assert actions[3] == (Give("b", Task(0, 0)),)


def test_a_task_that_kills_every_worker_ends_the_run() -> None:
    events: list[Event] = []
    for number in range(DEATHS):
        events += [Joined(str(number)), Lost(str(number))]
    state, actions = told([set()], set(), *events, Joined("x"))
    assert actions[-2:] == [(Fail(Task(0)),), ()] and state.over


def test_after_a_failure_nothing_is_given() -> None:
    error = ValueError("no")
    state, actions = told(
        [set()], {0}, Joined("a"), Joined("b"), Opened(0, (0, 1, 2)), Failed("a", Task(0, 0), error),
        Done("b", Task(0, 1)),
    )  # fmt: skip
    assert actions[3:] == [(Fail(Task(0, 0), error),), ()] and state.over


def test_a_state_is_not_changed_by_what_follows_it() -> None:
    before, _ = told([set()], {0}, Joined("a"), Opened(0, (0, 1, 2)))
    copies = [react(before, Done("a", Task(0, 0))) for _ in range(2)]
    assert copies[0] == copies[1] and before.given == {"a": Task(0, 0)}


# ------------------------------------------------------------ any plan, any order of events


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[set[int]], dict[int, int]]:
    """What each step needs of those before it, and the shards of those that are rounds."""
    count = draw(st.integers(1, 6))
    needs = [draw(st.sets(st.integers(0, n - 1), max_size=3)) if n else set() for n in range(count)]
    rounds = {n: draw(st.integers(0, 4)) for n in range(count) if draw(st.booleans())}
    return needs, rounds


@dataclass
class World:
    """Carries out actions and thinks of events; checks whatever must hold."""

    needs: list[set[int]]
    rounds: dict[int, int]
    busy: dict[str, tuple[Task, bool]] = field(default_factory=dict)
    given: dict[Task, int] = field(default_factory=dict)
    done: dict[Task, int] = field(default_factory=dict)
    losses: dict[Task, int] = field(default_factory=dict)
    refused: dict[Task, int] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    soon: list[Event] = field(default_factory=list)
    failed: bool = False

    def obey(self, action: Action) -> None:
        match action:
            case Open(step):
                assert self.needs[step] <= self.finished
                self.soon.append(Opened(step, tuple(range(self.rounds[step]))))
            case Give(worker, task, wait):
                assert worker not in self.busy and self.needs[task.step] <= self.finished
                assert task not in self.done and task not in {t for t, _ in self.busy.values()}
                self.busy[worker] = task, wait
                self.given[task] = self.given.get(task, 0) + 1
            case Finish(step):
                shards = {t.shard for t in self.done if t.step == step}
                assert shards == set(range(self.rounds[step])) and step not in self.finished
                self.soon.append(Finished(step))
            case Fail(task):
                assert self.losses[task] == DEATHS
                self.failed = True

    def complete(self, worker: str) -> Task:
        task, _ = self.busy.pop(worker)
        self.done[task] = self.done.get(task, 0) + 1
        if task.step not in self.rounds:
            self.finished.add(task.step)
        return task


@settings(max_examples=300, deadline=None)
@given(plan=plans(), workers=st.integers(1, 3), data=st.data())
def test_every_task_is_done_once_after_what_it_needs_whoever_dies(
    plan: tuple[list[set[int]], dict[int, int]], workers: int, data: st.DataObject
) -> None:
    needs, rounds = plan
    world = World(needs, rounds)
    state = begin([frozenset(n) for n in needs], frozenset(rounds))
    world.soon = [Joined(str(n)) for n in range(workers)]
    names = workers
    for _ in range(500):
        if state.over:
            break
        if world.soon:
            event = world.soon.pop(data.draw(st.integers(0, len(world.soon) - 1)))
            if isinstance(event, Finished):
                world.finished.add(event.step)
        else:
            assert world.busy, "somebody has something to do as long as the run goes on"
            worker = data.draw(st.sampled_from(sorted(world.busy)))
            task, wait = world.busy[worker]
            kind = data.draw(st.sampled_from(["done", "done", "found", "busy", "lost"]))
            if kind == "busy" and not wait:
                world.busy.pop(worker)
                world.refused[task] = world.refused.get(task, 0) + 1
                event = Busy(worker, task)
            elif kind == "lost":
                world.busy.pop(worker)
                world.losses[task] = world.losses.get(task, 0) + 1
                event = Lost(worker)
                world.soon.append(Joined(str(names)))
                names += 1
            else:
                event = (Found if kind == "found" else Done)(worker, world.complete(worker))
        state, actions = react(state, event)
        for action in actions:
            world.obey(action)
    assert state.over
    if world.failed:
        return
    every = {Task(n, s) for n in range(len(needs)) for s in range(rounds.get(n, 1))}
    assert set(world.done) == every and set(world.done.values()) <= {1} and world.finished == set(range(len(needs)))
    for task in every:
        assert world.given[task] == 1 + world.losses.get(task, 0) + world.refused.get(task, 0)


@pytest.mark.parametrize("shards", [20_000])
def test_a_long_round_is_not_copied_with_every_event(shards: int) -> None:
    """The list of shards is one object throughout: the state of a round is where it has come to in it."""
    state, _ = told([set()], {0}, Joined("a"), Opened(0, tuple(range(shards))))
    todo = state.open[0].todo
    for number in range(shards - 1):
        state, _ = react(state, Done("a", Task(0, number)))
        assert state.open[0].todo is todo
    assert react(state, Done("a", Task(0, shards - 1)))[1] == (Finish(0),)
