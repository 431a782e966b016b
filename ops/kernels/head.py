"""The linear layer at the end of a classifier."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...lang.diagnostic import Diagnostic
from ..handles import Subject
from .capture import module_of


def linear(subject: Subject, layer: str, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(weight [C,D], bias [C]) of a layer. Raises Diagnostic 'layer-shape' unless it is linear."""
    module = module_of(subject.module, layer, name)
    if not isinstance(module, torch.nn.Linear):
        message = f"{layer} of {name} is {type(module).__name__} and no linear layer"
        hint = "failures are explained by what a linear head reads"
        raise Diagnostic("layer-shape", message, hint=hint, exit_code=1, about=(layer, name))
    weight = module.weight.detach().float().cpu().numpy()
    bias = np.zeros(len(weight), np.float32) if module.bias is None else module.bias.detach().float().cpu().numpy()
    return weight, bias
