"""labnet, labself, labtruth, labtruth_dev: the models of the lab; labnet(weights=random) is its untrained twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...engine.fingerprint import Fingerprints
from ...engine.operator import canonical, digest
from ...lang.declare import ConstructorDeclaration, Parameter
from ...lang.diagnostic import Diagnostic
from ...ops import handles
from ...ops.preprocess import Preprocess
from ..lab.declarations import MODELS, ModelDeclaration
from ..lab.truth import KINDS, VARIANTS, accepted_names, planted_units, units_of_kind
from ..things import Built, Constructor, Model, ModelDefaults

ARCHITECTURE = 1  # raised whenever the same weights would give other activations


@dataclass(frozen=True)
class LabModel:
    """One of the lab's models; with a seed, its architecture with random weights."""

    short: str
    seed: int | None = None

    @property
    def declaration(self) -> ModelDeclaration:
        return MODELS[self.short]

    @property
    def preprocess(self) -> Preprocess:
        d = self.declaration
        return Preprocess(d.size, d.mean, d.std)

    def layers(self) -> Mapping[str, int | None]:
        return dict(self.declaration.layers)

    def classes(self) -> tuple[str, ...] | None:
        """What its outputs stand for; the untrained twin is asked for the same."""
        return self.declaration.classes or None

    def true_names(self, layer: str) -> list[tuple[str, ...]] | None:
        """The names that are right for each unit of a layer whose meaning is known; none for noise."""
        if self.short in VARIANTS:
            return [unit.accepted for unit in units_of_kind(self.short, layer)] if layer in KINDS else None
        return [accepted_names((name,)) for name in self.declaration.classes] if layer == "fc" else None

    def fingerprint(self, known: Fingerprints) -> str:
        """Covers the weights and, for planted units, what was planted: their gains, forms and noise are no weights."""
        planted = digest(canonical(planted_values(self.short))) if self.short in VARIANTS else None
        weights = known.file(self._weights()) if self.seed is None else self.seed
        return digest([self.short, ARCHITECTURE, weights, planted, canonical(self.preprocess.canonical())])

    def _weights(self) -> Path:
        path = self.declaration.weights
        if not path.is_file():
            raise Diagnostic(
                "missing-weights", f"the weights of {self.short} are not here: there is no {path.name}",
                hint="they come with clq; clq lab train makes them again",
            )  # fmt: skip
        return path

    def open(self, device: str) -> handles.Subject:
        import torch

        from ...ops.kernels.placing import on_device
        from ..lab import nets

        if self.seed is None:
            module = nets.build(self.short, self._weights())
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                module = nets.new(self.short)
        how = self.preprocess
        return handles.Subject(on_device(module, device), how, how.canonical(), device)

    def describe(self) -> dict[str, str]:
        d = self.declaration
        return {
            "about": d.about,
            "origin": "the lab" if self.seed is None else f"the lab's architecture, random weights, seed {self.seed}",
            "layers": ", ".join(name for name in d.layers if "." not in name),
            "classes": str(len(d.classes)) if d.classes else "none",
            "preprocessing": self.preprocess.describe(),
        }


def planted_values(variant: str) -> list[tuple[Any, ...]]:
    """The planted units as plain values."""
    return [astuple(unit) for unit in planted_units(variant)]


def defaults_of(short: str) -> ModelDefaults:
    """Units of known meaning are asked in the free world, the others where the shortcuts hold."""
    return ModelDefaults("lab.probe" if short in VARIANTS else "lab.audit", "labclip", "lab.words")


def make(short: str, /, shown: str, *, weights: str, seed: int) -> Model:
    return Model(shown, LabModel(short, seed if weights == "random" else None), defaults_of(short))


def declaration(short: str) -> ConstructorDeclaration:
    return ConstructorDeclaration(
        short,
        f"the lab's {short}, or its architecture with random weights as a control",
        (
            Parameter(
                "weights", "choice", "shipped", "the shipped weights, or random ones", choices=("shipped", "random")
            ),
            Parameter("seed", "int", 0, "seed of random weights", low=0, only_with=("weights", "random")),
        ),
    )


def built() -> Built:
    makers: dict[str, Callable[..., Model]] = {short: partial(make, short) for short in MODELS}
    return Built(
        things=[Model(short, LabModel(short), defaults_of(short)) for short in MODELS],
        constructors=[Constructor(declaration(short), maker) for short, maker in makers.items()],
    )
