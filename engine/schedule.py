"""Who does what next, decided without doing anything: (state, event) -> (state, actions).

The steps of a plan are rounds and global operators. A step is opened when all steps it needs are done; its tasks are
then given to workers: the shards of a round that are still to be made, or the one task of a global operator. A round
whose shards are all there is finished by the caller. A task that another process holds is put off until nothing else
is left, and then waited for. A task whose worker was lost is given to another one.

    waiting --needs done--> open --all tasks done--> finishing (rounds only) --> done
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

DEATHS = 3  # a task that has cost so many workers is not given to another one


class Task(NamedTuple):
    """A shard of a round, or with shard 0 a global operator; steps and shards are numbers."""

    step: int
    shard: int = 0


# ---------------------------------------------------------------- events: what has happened


@dataclass(frozen=True)
class Joined:
    worker: str


@dataclass(frozen=True)
class Opened:
    """The shards of a round that are still to be made."""

    step: int
    shards: tuple[int, ...]


@dataclass(frozen=True)
class Done:
    """`made` is for whoever carries out actions; nothing here looks at it."""

    worker: str
    task: Task
    made: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class Found(Done):
    """Another process has done the task meanwhile."""


@dataclass(frozen=True)
class Busy:
    """Another process is doing the task right now."""

    worker: str
    task: Task
    made: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class Failed:
    worker: str
    task: Task
    error: BaseException


@dataclass(frozen=True)
class Lost:
    """The worker is gone, and with it whatever it was doing."""

    worker: str


@dataclass(frozen=True)
class Finished:
    """A round is declared whole."""

    step: int


Event = Joined | Opened | Done | Found | Busy | Failed | Lost | Finished

# ---------------------------------------------------------------- actions: what is to be done about it


@dataclass(frozen=True)
class Open:
    """Find out which shards of a round are to be made, and say so by `Opened`."""

    step: int


@dataclass(frozen=True)
class Give:
    """Let a worker do a task; with `wait` it stands by while another process does it."""

    worker: str
    task: Task
    wait: bool = False


@dataclass(frozen=True)
class Finish:
    """Declare a round whole, and say so by `Finished`."""

    step: int


@dataclass(frozen=True)
class Fail:
    """Stop everything. Without an error: `task` has cost too many workers."""

    task: Task
    error: BaseException | None = None


Action = Open | Give | Finish | Fail

# ---------------------------------------------------------------- the state


@dataclass(frozen=True)
class Tasks:
    """The tasks of an open step: `todo` is given out from `next` on, after those that came `back`."""

    todo: tuple[int, ...]
    left: int
    next: int = 0
    back: tuple[int, ...] = ()

    @property
    def some(self) -> bool:
        """Whether there is one to give."""
        return bool(self.back) or self.next < len(self.todo)

    def take(self) -> tuple[int, Tasks]:
        """One of them, and the others."""
        if self.back:
            return self.back[0], replace(self, back=self.back[1:])
        return self.todo[self.next], replace(self, next=self.next + 1)


@dataclass(frozen=True)
class State:
    """`rounds` are the steps that have shards; `readers` of each step those that need it, and `lacks` how many needed
    steps are not done yet. `ready` are open steps with a task to give, in order; `held` what other processes do."""

    rounds: frozenset[int]
    readers: tuple[tuple[int, ...], ...]
    lacks: tuple[int, ...]
    unopened: tuple[int, ...]
    left: int
    open: Mapping[int, Tasks] = field(default_factory=dict)
    ready: tuple[int, ...] = ()
    held: tuple[Task, ...] = ()
    given: Mapping[str, Task] = field(default_factory=dict)
    idle: tuple[str, ...] = ()
    deaths: Mapping[Task, int] = field(default_factory=dict)
    failed: bool = False

    @property
    def over(self) -> bool:
        return self.failed or self.left == 0


def begin(needs: Sequence[frozenset[int]], rounds: frozenset[int]) -> State:
    """The state before any event. `needs` names for each step the steps that come before it."""
    readers: list[list[int]] = [[] for _ in needs]
    for number, before in enumerate(needs):
        for needed in before:
            readers[needed].append(number)
    return State(
        rounds, tuple(map(tuple, readers)), tuple(map(len, needs)),
        tuple(n for n, before in enumerate(needs) if not before), len(needs),
    )  # fmt: skip


def react(state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
    """What an event leads to. After a failure nothing does anything."""
    if state.failed:
        return state, ()
    actions: list[Action] = []
    match event:
        case Joined(worker):
            state = replace(state, idle=(*state.idle, worker))
        case Opened(step, shards):
            state = _opened(state, step, shards, actions)
        case Done(worker, task):  # or Found
            state = _done(_free(state, worker), task, actions)
        case Busy(worker, task):
            state = _free(state, worker)
            state = replace(state, held=(*state.held, task))
        case Failed(_, task, error):
            return replace(state, failed=True), (Fail(task, error),)
        case Lost(worker):
            lost = state.given.get(worker)
            state = _free(state, worker, gone=True)
            if lost is not None:
                state = _back(state, lost)
                if state.deaths[lost] >= DEATHS:
                    return replace(state, failed=True), (Fail(lost),)
        case Finished(step):
            state = _stepped(state, step)
    return _assign(_open(state, actions), actions), tuple(actions)


def _free(state: State, worker: str, gone: bool = False) -> State:
    given = {w: t for w, t in state.given.items() if w != worker}
    idle = tuple(w for w in state.idle if w != worker)
    return replace(state, given=given, idle=idle if gone else (*idle, worker))


def _back(state: State, task: Task) -> State:
    """A task that is to be given again, before others of its step."""
    tasks = state.open[task.step]
    deaths = {**state.deaths, task: state.deaths.get(task, 0) + 1}
    return _with_tasks(replace(state, deaths=deaths), task.step, replace(tasks, back=(task.shard, *tasks.back)))


def _with_tasks(state: State, step: int, tasks: Tasks) -> State:
    ready = [s for s in state.ready if s != step]
    if tasks.some:
        insort(ready, step)
    return replace(state, open={**state.open, step: tasks}, ready=tuple(ready))


def _opened(state: State, step: int, shards: tuple[int, ...], actions: list[Action]) -> State:
    if not shards:
        actions.append(Finish(step))
        return state
    return _with_tasks(state, step, Tasks(shards, len(shards)))


def _done(state: State, task: Task, actions: list[Action]) -> State:
    tasks = state.open[task.step]
    if tasks.left > 1:
        return replace(state, open={**state.open, task.step: replace(tasks, left=tasks.left - 1)})
    state = replace(state, open={s: t for s, t in state.open.items() if s != task.step})
    if task.step in state.rounds:
        actions.append(Finish(task.step))
        return state
    return _stepped(state, task.step)


def _stepped(state: State, step: int) -> State:
    """A step is done: what has waited for it last can be opened."""
    lacks = list(state.lacks)
    for reader in state.readers[step]:
        lacks[reader] -= 1
    free = tuple(r for r in state.readers[step] if not lacks[r])
    return replace(state, lacks=tuple(lacks), unopened=(*state.unopened, *free), left=state.left - 1)


def _open(state: State, actions: list[Action]) -> State:
    for step in state.unopened:
        if step in state.rounds:
            actions.append(Open(step))
        else:
            state = _opened(state, step, (0,), actions)
    return replace(state, unopened=())


def _assign(state: State, actions: list[Action]) -> State:
    while state.idle and (state.ready or state.held):
        worker, *others = state.idle
        wait = not state.ready
        if wait:
            task, *rest = state.held
            state = replace(state, held=tuple(rest))
        else:
            step = state.ready[0]
            shard, tasks = state.open[step].take()
            task = Task(step, shard)
            state = _with_tasks(state, step, tasks)
        actions.append(Give(worker, task, wait))
        state = replace(state, idle=tuple(others), given={**state.given, worker: task})
    return state
