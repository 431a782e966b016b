"""How long a plan will take, from what the same work took before: never a guess for what has not run here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .measure import Rates, decode_rate, global_rate, pass_rate, scan_rate
from .operator import Operator, Scan, Source
from .plan import Compute, Pass, Plan, Round

Count = Callable[[Source], "int | None"]
Lacking = Callable[[Round], "int | None"]


@dataclass(frozen=True)
class Estimate:
    """Seconds and rows by the key of a node; `unknown` names work that nothing is known of.

    `there` tells of each round how many of its images need not be read: the store has their rows.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    rounds: tuple[float | None, ...] = ()
    there: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """The seconds of everything that is known."""
        return sum(self.seconds.values())


def estimate(plan: Plan, rates: Rates, device: str, count: Count, lacking: Lacking) -> Estimate:
    """What each step of a plan will take. `count` tells how many images a data set has, if that is cheap to know, and
    `lacking` for how many of a round's images there are no rows yet."""
    seconds: dict[str, float] = {}
    rows: dict[str, int] = {}
    rounds: list[float | None] = []
    unknown: dict[str, None] = {}
    there: list[int] = []
    for step in plan.steps:
        if isinstance(step, Compute):
            rate = rates.get(global_rate(step.operator, device))
            if rate is not None:
                # Its rows are not known before a run; of the same work as often before they are about the same.
                seconds[step.operator.key] = rate * _rows_before(step.operator, rates, device)
            continue
        images = count(step.dataset)
        new = None if images is None or any(_chooses(s) for s in step.scans) else lacking(step)
        there.append(0 if images is None or new is None else images - new)
        rounds.append(_round(step, rates, device, images, new, seconds, rows, unknown))
    return Estimate(seconds, rows, tuple(rounds), tuple(there), tuple(unknown))


def _rows_before(operator: Operator, rates: Rates, device: str) -> float:
    found = rates.get(f"rows of {global_rate(operator, device)}")
    return found if found is not None else 0.0


def _round(
    step: Round, rates: Rates, device: str, images: int | None, new: int | None, seconds: dict[str, float],
    rows: dict[str, int], unknown: dict[str, None],
) -> float | None:  # fmt: skip
    if images is None or any(_chooses(s) for s in step.scans):
        unknown[f"round over chosen images of {step.dataset.name}"] = None
        return None
    for scan in step.scans:
        rows[scan.key] = images
    decode = rates.get(decode_rate(step.dataset))
    took: list[float] = []
    for p in step.passes:
        rate = _pass(p, rates, device)
        if rate is None or decode is None:
            unknown[p.label] = None
            continue
        each = (images if new is None else new) * (rate + decode / len(step.passes)) / len(p.scans)
        for scan in p.scans:
            seconds[scan.key] = each
            took.append(each)
    return sum(took) if len(took) == len(step.scans) else None


def _pass(p: Pass, rates: Rates, device: str) -> float | None:
    """Seconds for each image: of the slowest of its captures, as the deepest layer decides, else of its model."""
    known = [r for s in p.scans if (r := rates.get(scan_rate(s, device))) is not None]
    return max(known) if known else rates.get(pass_rate(p.scans[0], device))


def _chooses(scan: Scan) -> bool:
    """Whether a scan reads only images that an earlier step chooses."""
    return type(scan).selected is not Scan.selected
