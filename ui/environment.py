"""The environment variables that clq or what it is built on reads; a test holds the list against the code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """`default` is what holds where it is not set. `ours` is False for those of the libraries below clq."""

    name: str
    default: str
    meaning: str
    ours: bool = True


VARIABLES = (
    Variable("CLQ_STORE", ".clq", "the folder or URL of the store, where --store does not say"),
    Variable("CLQ_CACHE", "~/.cache/clq", "where the caches of stores at a URL are: a folder below it for each"),
    Variable("CLQ_UPLOAD", "yes", "no: from a store at a URL only read"),
    Variable("CLQ_CACHE_SIZE", "none", "what the store may hold, as 20GB, where SET cache_size does not say"),
    Variable("CLQ_MEMORY", "none", "what clq may hold in memory, as 2GB, where --memory and SET memory do not say"),
    Variable("CLQ_LOG", "none", "a file to which what happens is appended as lines of JSON, where --log does not say"),
    Variable("CLQ_ASK_ABOVE", "10", "minutes from which a run is asked about on a terminal; never: no question"),
    Variable(
        "CLQ_DEBUG", "0",
        "what is told on stderr: 1 the plan with keys and what the store has; 2 also time and bytes of each step; "
        "3 also the plan after each rule, checked; 4 also each operator's inputs, output and device",
    ),
    Variable(
        "XDG_STATE_HOME", "~/.local/state", "below it, clq/history keeps what was typed into `clq shell`", ours=False
    ),
    Variable("TORCH_HOME", "~/.cache/torch", "where torchvision's weights are looked for and kept", ours=False),
    Variable("XDG_CACHE_HOME", "~/.cache", "the folder of caches, where TORCH_HOME does not say", ours=False),
    Variable("HF_HOME", "~/.cache/huggingface", "where open_clip keeps the weights it has fetched", ours=False),
    Variable("NLTK_DATA", "", "folders in which NLTK's own WordNet is looked for first", ours=False),
)  # fmt: skip
