"""Networks with published weights that no library defines: CIFAR ResNets, and MobileNetV2 padded as TensorFlow pads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

CIFAR_WIDTHS = (16, 32, 64)


class _Subsample(nn.Module):
    """The shortcut without weights ("option A"): every second pixel, and channels of zeros on both sides."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.before, self.after = extra // 2, extra - extra // 2

    def forward(self, x: Tensor) -> Tensor:
        return pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.before, self.after))


class _CifarBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut: [N, inside, H, W] -> [N, outside, H / stride, W / stride]."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.shortcut: nn.Module = nn.Identity() if stride == 1 else _Subsample(outside - inside)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        return relu(out + self.shortcut(x))


class CifarResNet(nn.Module):
    """ResNet of `depth` = 6n + 2 for 32 px: [N, 3, 32, 32] -> [N, classes].

    Source: He et al., Deep Residual Learning, CVPR 2016, section 4.2. Raises ValueError for a depth that is not 6n + 2.
    """

    def __init__(self, depth: int, classes: int = 10) -> None:
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise ValueError(f"the depth of a CIFAR ResNet is 6n + 2, not {depth}")
        self.conv1 = nn.Conv2d(3, CIFAR_WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(CIFAR_WIDTHS[0])
        inside = CIFAR_WIDTHS[0]
        for stage, width in enumerate(CIFAR_WIDTHS, 1):
            first = _CifarBlock(inside, width, 1 if stage == 1 else 2)
            rest_of_stage = [_CifarBlock(width, width, 1) for _ in range(blocks - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(first, *rest_of_stage))
            inside = width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(inside, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.bn1(self.conv1(x)))
        for stage in range(1, len(CIFAR_WIDTHS) + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        out: Tensor = self.linear(self.avgpool(x).flatten(1))
        return out


class _SameConv2d(nn.Conv2d):
    """A convolution that pads as TensorFlow's 'SAME': what is odd goes to the right and below."""

    def forward(self, input: Tensor) -> Tensor:
        sides: list[int] = []
        for size, kernel, stride in zip(input.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [total // 2, total - total // 2]
        return nn.functional.conv2d(
            pad(input, sides), self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


def same_padding(module: nn.Module) -> nn.Module:
    """The same network with every strided convolution padded as TensorFlow's 'SAME'; its keys stay as they were."""
    for each in module.modules():
        for name, child in each.named_children():
            if type(child) is nn.Conv2d and max(child.stride) > 1:
                new = _SameConv2d(
                    child.in_channels, child.out_channels, child.kernel_size, child.stride,  # type: ignore[arg-type]
                    groups=child.groups, bias=child.bias is not None,
                )  # fmt: skip
                new.load_state_dict(child.state_dict())
                setattr(each, name, new)
    return module


class Under(nn.Module):
    """A network under a name: its layers are called `visual`, `visual.conv1`, and what it gives is what that gives."""

    def __init__(self, name: str, network: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, network)

    def forward(self, x: Tensor) -> Any:
        return self.get_submodule(self.name)(x)


def never_in_place(module: nn.Module) -> nn.Module:
    """No activation of the network overwrites its input: what a hook saw of a layer stays as it was."""
    for each in module.modules():
        if getattr(each, "inplace", False) is True:
            each.inplace = False  # type: ignore[assignment]
    return module


def seeded(seed: int, make: Callable[[], nn.Module]) -> nn.Module:
    """What `make()` returns when torch's random numbers start at `seed`; the caller's random numbers are left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
