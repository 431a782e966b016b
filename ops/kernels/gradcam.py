"""Where in the image a group of units fires: class-activation maps at the last spatial module, their masks.

Grad-CAM (Selvaraju et al., ICCV 2017, equations 1 and 2) of the SUM of the group's units, as FALCON section 3.2 uses
it. Give the last block only: the reference hands over the whole stage, which averages the maps of all its blocks.
Each image's map depends on that image alone; the group's units are summed, so they couple.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

EPS = 1e-7  # of pytorch-grad-cam's scaling; pinned by the golden vector falcon_gradcam


def grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Maps [N,H,W] in [0,1] from activations and gradients [N,C,H,W] of the summed units at a spatial module.

    Channel weight = spatial mean of the gradient; map = relu of the weighted sum, min-max scaled.
    Raises ValueError unless both have one and the same 4-D shape.
    """
    if activations.ndim != 4 or activations.shape != gradients.shape:
        raise ValueError(
            f"activations {tuple(activations.shape)} and gradients {tuple(gradients.shape)} differ or are not maps"
        )
    weights = gradients.mean((2, 3), keepdim=True)
    return scaled((weights * activations).sum(1).relu())


def linear_cam(activations: Tensor, weight: Tensor) -> Tensor:
    """Maps [N,H,W] in [0,1] without a backward pass, for units that are a linear head [C] on the spatial means.

    The gradient is weight/(H W) everywhere, so the map is the scaled relu of sum_c weight_c A_c: CAM (Zhou et al.,
    CVPR 2016). For a group sum the rows of the head. Raises ValueError when the channels do not meet.
    """
    if activations.ndim != 4 or weight.shape != activations.shape[1:2]:
        raise ValueError(f"weights {tuple(weight.shape)} do not meet activations {tuple(activations.shape)}")
    slope = weight.to(activations.dtype) / (activations.shape[2] * activations.shape[3])
    return scaled(torch.einsum("nchw,c->nhw", activations, slope).relu())


def unit_cam(activations: Tensor, units: Tensor) -> Tensor:
    """Maps [N,H,W] in [0,1] of channels `units` [g] that are read as spatial means: the scaled sum of their maps."""
    if activations.ndim != 4:
        raise ValueError(f"expected maps [N,C,H,W], got shape {tuple(activations.shape)}")
    return scaled((activations[:, units].sum(1) / (activations.shape[2] * activations.shape[3])).relu())


def scaled(maps: Tensor) -> Tensor:
    """Each map [N,H,W] less its minimum, over (1e-7 + maximum); a flat map becomes all zero, never NaN."""
    maps = maps - maps.amin((1, 2), keepdim=True)
    return maps / (EPS + maps.amax((1, 2), keepdim=True))


def upsampled(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps [N,h,w] at image size and scaled again: bilinear with half-pixel centres, no antialiasing (as cv2)."""
    big = functional.interpolate(maps[:, None], size=(height, width), mode="bilinear", align_corners=False)
    return scaled(big[:, 0].relu())


def mask(maps: Tensor, at_least: float = 0.6) -> Tensor:
    """Bool [N,H,W]: map >= `at_least` (FALCON: .6). A flat map gives an empty mask; its box is the whole image."""
    return maps >= at_least
