"""Activations on images of a label against activations on controls: CoSy (Kopf et al., NeurIPS 2024), section 4.

The paper lets a generator draw the images of the label; where these come from does not matter here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .agreement import Curve

Floats = NDArray[np.float64]



@dataclass(frozen=True)
class Cosy:
    """[R] each. `auc`: how often an image of the label activates the unit more than a control does, ties one half.
    `mad`: the difference of the means in standard deviations of the controls (n - 1); NaN where controls do not vary
    (the public code says 0, though the label may fire the unit)."""

    auc: Floats
    mad: Floats


def cosy(control: Floats, concept: Floats, controls: Floats, concepts: Floats) -> Cosy:
    """Activations on controls [m] and on images of the label [n], under weights [R,m] and [R,n]."""
    hit = np.repeat([False, True], [len(control), len(concept)])
    _, auc = Curve(np.concatenate([control, concept]), hit).scores(np.concatenate([controls, concepts], axis=1))
    centre = control.mean()
    low, high = control - centre, concept - centre
    m, n = controls.sum(1), concepts.sum(1)
    mean = (controls @ low) / m
    variance = (controls @ (low * low) - m * mean * mean) / np.maximum(m - 1, 1)
    # Of controls that are one value rounding leaves a variance, so that is asked of the values.
    least = np.where(controls > 0, control, np.inf).min(1)
    most = np.where(controls > 0, control, -np.inf).max(1)
    spread = np.sqrt(np.where(least < most, variance, np.nan))
    return Cosy(auc, ((concepts @ high) / n - mean) / spread)


def rank_sum(control: Floats, concept: Floats) -> tuple[float, float]:
    """Mann and Whitney's U of the controls, m n (1 - auc), and the two-sided p of no difference."""
    from scipy.stats import mannwhitneyu

    found = mannwhitneyu(control, concept)
    return float(found.statistic), float(found.pvalue)
