"""The architectures of the lab and `build(name)`, which returns one of them with its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from .declarations import MEAN, MODELS, SIZE, STD
from .rng import Rng
from .truth import EVIDENCE, HEADS, KINDS, Unit, attribute_members, units_of_kind

LIMIT: float = 6.0  # evidence levels off here, else the surest member of a hypernym would fill its top images


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, with torchvision's names: [N, inside, H, W] -> [N, outside, H', W']."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        shortcut: nn.Module | None = None
        if stride != 1 or inside != outside:
            shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        beside: Tensor = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        out: Tensor = self.relu(self.bn2(self.conv2(x)) + beside)
        return out


class LabNet(nn.Module):
    """A narrow residual network for 64 px with torchvision's names: conv1, bn1, relu, maxpool, layer1 to layer4,
    avgpool, fc. [N, 3, 64, 64] -> [N, outputs]; without outputs fc passes the pooled features on."""

    def __init__(self, outputs: int | None, widths: tuple[int, ...] = (24, 48, 96, 192)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 5, 2, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU()  # never in place: what a hook saw of a layer must stay as it was
        self.maxpool = nn.Identity()
        self.layer1 = nn.Sequential(BasicBlock(widths[0], widths[0], 1))
        self.layer2 = nn.Sequential(BasicBlock(widths[0], widths[1], 2))
        self.layer3 = nn.Sequential(BasicBlock(widths[1], widths[2], 2))
        self.layer4 = nn.Sequential(BasicBlock(widths[2], widths[3], 2))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Identity() if outputs is None else nn.Linear(widths[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        out: Tensor = self.fc(self.avgpool(x).flatten(1))
        return out


class Evidence(nn.Module):
    """Logits of the attribute heads [N, attributes] -> evidence of each fact of EVIDENCE [N, facts], within +-LIMIT:
    its log-odds, where a hypernym or part has the summed probability of its members."""

    inside: Tensor
    outside: Tensor

    def __init__(self) -> None:
        super().__init__()
        sizes = [len(values) for _, values in HEADS]
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        inside = torch.full((len(EVIDENCE), sum(sizes)), -1e9)
        outside = inside.clone()
        for row, fact in enumerate(EVIDENCE):
            head, members = attribute_members(fact)
            outside[row, starts[head] : starts[head] + sizes[head]] = 0.0
            for member in members:
                inside[row, starts[head] + member] = 0.0
                outside[row, starts[head] + member] = -1e9
        self.register_buffer("inside", inside, persistent=False)
        self.register_buffer("outside", outside, persistent=False)

    def forward(self, logits: Tensor) -> Tensor:
        spread = logits[:, None]
        odds = (spread + self.inside).logsumexp(2) - (spread + self.outside).logsumexp(2)
        return LIMIT * torch.tanh(odds / LIMIT)


def _shift_right(words: Tensor, bits: int) -> Tensor:
    """Logical shift of 64-bit words that torch holds as signed."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


class PixelNoise(nn.Module):
    """Images [N, 3, 64, 64] -> [N, units], approximately standard normal, a hash of the 8-bit pixels: the same for
    the same image in any batch and on any device, independent of what the image shows, and without gradient."""

    weights: Tensor

    def __init__(self, units: int) -> None:
        super().__init__()
        rng = Rng("pixel-noise")
        words = np.array([rng.word() | 1 for _ in range(3 * SIZE * SIZE)], np.uint64).view(np.int64)
        self.register_buffer("weights", torch.from_numpy(words), persistent=False)
        self.units = units

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        mean, std = x.new_tensor(MEAN)[:, None, None], x.new_tensor(STD)[:, None, None]
        pixels = ((x * std + mean) * 255).round().long().flatten(1)
        if pixels.shape[1] != len(self.weights):
            raise ValueError(f"labtruth takes images of {SIZE} px, not {tuple(x.shape)}")
        word = ((pixels + 1) * self.weights).sum(1, keepdim=True)
        # The finaliser of SplitMix64, in wrapping arithmetic.
        streams = torch.arange(1, self.units + 1, device=x.device)
        word = word + streams * _signed(0x9E3779B97F4A7C15)
        word = (word ^ _shift_right(word, 30)) * _signed(0xBF58476D1CE4E5B9)
        word = (word ^ _shift_right(word, 27)) * _signed(0x94D049BB133111EB)
        word = word ^ _shift_right(word, 31)
        quarters = [_shift_right(word, bits) & 0xFFFF for bits in (0, 16, 32, 48)]
        total = quarters[0] + quarters[1] + quarters[2] + quarters[3]
        return (total - 131070).to(x.dtype) / 37837.0


def _activate(x: Tensor, form: str) -> Tensor:
    if form == "relu":
        return x.relu()
    if form == "softplus":
        return nn.functional.softplus(x)
    if form == "sigmoid":
        return x.sigmoid()
    return x.relu().square() if form == "squared_relu" else x


class PlantedUnits(nn.Module):
    """One layer of units of one kind: evidence [N, facts], noise [N, units] -> activations [N, units]."""

    first: Tensor
    second: Tensor
    numbers: Tensor

    def __init__(self, kind: str, units: tuple[Unit, ...]) -> None:
        super().__init__()
        self.kind, self.forms = kind, tuple(unit.form for unit in units)
        columns = [[EVIDENCE.index(fact) for fact in unit.concepts] or [0] for unit in units]
        numbers = [[unit.gain, unit.offset, unit.noise, unit.strength or 0.0] for unit in units]
        self.register_buffer("first", torch.tensor([c[0] for c in columns]), persistent=False)
        self.register_buffer("second", torch.tensor([c[-1] for c in columns]), persistent=False)
        self.register_buffer("numbers", torch.tensor(numbers).T.contiguous(), persistent=False)

    def forward(self, evidence: Tensor, noise: Tensor) -> Tensor:
        a, b = evidence[:, self.first], evidence[:, self.second]
        gain, offset, spread, strength = self.numbers
        if self.kind == "conjunction":
            combined = torch.minimum(a, b)
        elif self.kind == "polysemantic":
            combined = torch.maximum(a, b)
        elif self.kind == "noise":
            combined, spread = 0.0 * a, torch.ones_like(spread)  # zero, and yet a gradient can be asked for
        else:
            combined = a + strength * b
        x = gain * combined + offset + gain * spread * noise
        return torch.stack([_activate(x[:, i], form) for i, form in enumerate(self.forms)], 1)


class LabTruth(LabNet):
    """An attribute network and, over its log-odds, six layers of units of known meaning, each hookable by its name.
    [N, 3, 64, 64] -> all units [N, units], kind by kind. Raises ValueError for images of another size."""

    def __init__(self, variant: str, widths: tuple[int, ...] = (24, 48, 96, 192)) -> None:
        super().__init__(sum(len(values) for _, values in HEADS), widths)
        self.evidence = Evidence()
        layers = {kind: units_of_kind(variant, kind) for kind in KINDS}
        self.pixel_noise = PixelNoise(sum(len(units) for units in layers.values()))
        for kind, units in layers.items():
            self.add_module(kind, PlantedUnits(kind, units))
        self._counts = [len(units) for units in layers.values()]

    def forward(self, x: Tensor) -> Tensor:
        noise = self.pixel_noise(x).split(self._counts, 1)
        evidence = self.evidence(super().forward(x))
        return torch.cat([self.get_submodule(kind)(evidence, n) for kind, n in zip(KINDS, noise, strict=True)], 1)


def new(name: str) -> LabNet:
    """A model of the lab with random weights. Raises KeyError for a name that is not in declarations.MODELS."""
    model = MODELS[name]
    if name in ("labtruth", "labtruth_dev"):
        return LabTruth(name, model.widths)
    return LabNet(len(model.classes) or None, model.widths)


def build(name: str, weights: Path | None = None) -> LabNet:
    """A model of the lab with its shipped weights (or those of a file), float32, in evaluation mode. Raises KeyError
    for an unknown name, FileNotFoundError where the weights are missing."""
    network = new(name)
    state = load_file(str(weights or MODELS[name].weights))
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return network.eval()
