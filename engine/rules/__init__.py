"""Rewrite rules: each takes a plan and returns one that gives the same answers for less work.

The order matters: what is cached is cut first, so that nothing is fused with work that need not be done; captures are
fused into passes before passes are gathered into rounds.
"""

from __future__ import annotations

from collections.abc import Callable

from ..plan import Plan
from ..store import Store
from .cut_cached import cut_cached
from .fuse_captures import fuse_captures
from .share_scans import share_scans

Rule = Callable[[Plan, Store], Plan]

RULES: tuple[Rule, ...] = (cut_cached, fuse_captures, share_scans)

__all__ = ["RULES", "Rule", "cut_cached", "fuse_captures", "share_scans"]
