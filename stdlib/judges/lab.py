"""labclip, a small CLIP trained on the lab's world; labclip_early, the same barely trained; labclip(weights=random)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ...engine.fingerprint import Fingerprints
from ...engine.operator import digest
from ...lang.citation import Citation
from ...lang.declare import ConstructorDeclaration, Parameter
from ..lab.declarations import JUDGES
from ..things import Built, Constructor, Judge, ModelDefaults
from ..works import OPEN_CLIP
from .opening import Network, Seeing, folder_config, network_in, tokenizer_of


@dataclass(frozen=True)
class LabJudge(Seeing):
    """One of the lab's judges; with a seed, its architecture with random weights."""

    short: str
    floor: float | None
    seed: int | None = None
    prompts: tuple[str, ...] = ("{}",)
    captions: str | None = "lab.captions"

    citations: ClassVar[tuple[Citation, ...]] = (OPEN_CLIP,)
    defaults: ClassVar[ModelDefaults] = ModelDefaults("lab.probe", "labclip", "lab.words")

    @property
    def folder(self) -> Path:
        return JUDGES[self.short].folder

    def configuration(self) -> dict[str, Any]:
        return folder_config(self.folder)

    def fingerprint(self, known: Fingerprints) -> str:
        files = [(p.name, p) for p in sorted(self.folder.iterdir())]
        return digest([known.files(files), self.seed])

    def network(self) -> Network:
        return network_in(self.folder, self.seed)

    def tokenizer(self) -> Any:
        return tokenizer_of(self.short, self.folder)

    def describe(self) -> dict[str, str]:
        return {
            "origin": "the lab" if self.seed is None else f"the lab's architecture, random weights, seed {self.seed}",
        }


def make_labclip(name: str, weights: str, seed: int) -> Judge:
    if weights == "random":
        return Judge(name, LabJudge("labclip", None, seed))
    return Judge(name, LabJudge("labclip", JUDGES["labclip"].floor))


DECLARATION = ConstructorDeclaration(
    "labclip",
    "the lab's judge, or its architecture with random weights as a control",
    (
        Parameter("weights", "choice", "shipped", "the shipped weights, or random ones", choices=("shipped", "random")),
        Parameter("seed", "int", 0, "seed of random weights", low=0, only_with=("weights", "random")),
    ),
    kind="judge",
)


def built() -> Built:
    return Built(
        things=[
            Judge("labclip", LabJudge("labclip", JUDGES["labclip"].floor)),
            # The floor was measured for labclip's cosines; those of a barely trained model lie elsewhere.
            Judge("labclip_early", LabJudge("labclip_early", None)),
        ],
        constructors=[Constructor(DECLARATION, make_labclip)],
    )
