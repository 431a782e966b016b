"""Train labclip, the judge of the lab: a small open_clip model of images and captions.

The loss is InfoNCE whose targets are uniform over all consistent pairs: a caption states a set of facts and is a
positive of every image where they all hold. Bare words and partial captions would otherwise be false negatives.
An eighth of the texts are words that mean nothing in the lab, so that unknown words get no arbitrary direction.
"""

from __future__ import annotations

import copy
import json
import math
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from torch import Tensor
from tqdm import tqdm

from .captions import PROMPTS, training_text
from .data import draw_scenes
from .declarations import JUDGE_CONTEXT, MEAN, STD
from .rng import Rng
from .train_common import BATCH, batches, half_state, render_pool, set_rate, shifted, to_tensor, write_weights
from .train_tokenizer import lab_words, unrelated_words, write_vocabulary
from .words import ABSENT
from .world import FACTS, PATTERNS, sample_scene

POOL: int = 30_000
STEPS: int = 2_400
EARLY_STEP: int = 300  # 38,400 images: the control
PEAK_RATE: float = 1.5e-3

CONFIG: dict[str, Any] = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 24, "head_width": 64},
    "text_cfg": {"context_length": JUDGE_CONTEXT, "vocab_size": 0, "width": 128, "heads": 2, "layers": 2},
}
_FACT_INDEX = {fact: i for i, fact in enumerate(FACTS)}


def fact_matrix(fact_sets: Iterable[Iterable[str]]) -> Tensor:
    """float32 [sets, facts], 1 where the fact is in the set."""
    rows = [[_FACT_INDEX[fact] for fact in facts] for facts in fact_sets]
    out = torch.zeros(len(rows), len(FACTS))
    for row, indices in zip(out, rows, strict=True):
        row[indices] = 1
    return out


def encode_text(model: CLIP, tokens: Tensor) -> Tensor:
    """CLIP.encode_text without the padding (captions are short, the context is not): int [N, context] -> [N, 128]."""
    length = int(tokens.argmax(1).max()) + 1
    tokens = tokens[:, :length]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    embedded: Tensor = x[torch.arange(len(tokens)), tokens.argmax(1)] @ model.text_projection
    return embedded


def save_judge(model: CLIP, config: dict[str, Any], vocabulary: Path, folder: Path) -> None:
    """Write an open_clip local directory: configuration, half-precision weights, the tokenizer's merges."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v for k, v in half_state(model).items() if k != "attn_mask"}
    write_weights(state, folder / "open_clip_model.safetensors")
    preprocess = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "squash"}
    text = json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}, indent=1)
    (folder / "open_clip_config.json").write_text(text + "\n")
    if vocabulary != folder / "bpe.txt.gz":
        shutil.copyfile(vocabulary, folder / "bpe.txt.gz")


def _stranger(negatives: Sequence[str], rng: Rng) -> str:
    """A word that is true of no image, as bare or in a prompt; one in four comes from the lab's own vocabulary, which
    a judge should know as well as CLIP knows common English."""
    word = rng.choice(ABSENT if rng.chance(0.25) else negatives)
    return rng.choice(PROMPTS).format(word)


def contrastive_loss(images: Tensor, texts: Tensor, consistent: Tensor, scale: Tensor) -> Tensor:
    """images [N, 128]; texts [T, 128], the first C of them captions; consistent [C, N]: 1 where a caption is true."""
    logits = scale * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    target = F.pad(consistent.T, (0, len(texts) - len(consistent)))
    to_text = -(target / target.sum(1, keepdim=True) * logits.log_softmax(1)).sum(1).mean()
    backward = logits.T[: len(consistent)].log_softmax(1)
    to_image = -(consistent / consistent.sum(1, keepdim=True) * backward).sum(1).mean()
    return 0.5 * (to_text + to_image)


def train_clip(folder: Path, seed: int = 0, progress: bool = True, steps: int = STEPS, pool: int = POOL) -> None:
    """Write folder/labclip, and folder/labclip_early as it was after EARLY_STEP steps."""
    torch.manual_seed(seed)
    rng = Rng("train_clip", seed)
    vocabulary = folder / "labclip" / "bpe.txt.gz"
    tokenizer = write_vocabulary(vocabulary, lab_words())
    negatives = unrelated_words()
    scenes = draw_scenes(sample_scene, pool, "labclip", seed)
    images = render_pool(scenes, "labclip", progress)
    truth = fact_matrix(scene.facts() for scene in scenes)

    config = copy.deepcopy(CONFIG)
    config["text_cfg"]["vocab_size"] = tokenizer.vocab_size
    model = CLIP(**config).train()
    model.visual.to(memory_format=torch.channels_last)
    # Thrown away afterwards: all facts from the image embedding, which speeds the image tower up.
    facts_head = torch.nn.Linear(128, len(FACTS))
    fact_weight = torch.tensor([2.0 if fact in PATTERNS else 1.0 for fact in FACTS])
    matrices = [p for p in model.parameters() if p.ndim > 1] + list(facts_head.parameters())
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.98))

    bar = tqdm(batches(pool, steps, rng), "labclip: train", steps, disable=not progress, mininterval=5.0)
    average = math.nan
    for step, ids in enumerate(bar):
        set_rate(optimizer, PEAK_RATE, step, steps, warm=80)
        # One caption an image, a second one for a quarter of them.
        said = [training_text(scenes[i], rng) for i in ids + ids[: BATCH // 4]]
        strangers = [_stranger(negatives, rng) for _ in range(BATCH // 8)]
        tokens = tokenizer([text for text, _ in said] + strangers, context_length=JUDGE_CONTEXT)
        false_facts = fact_matrix(facts for _, facts in said) @ (1 - truth[ids]).T
        x = shifted(to_tensor(images[ids]), rng)
        x = x * (1 + 0.1 * torch.randn(len(x), 1, 1, 1)) + 0.05 * torch.randn(len(x), 3, 1, 1)
        embedded = model.encode_image(x)
        consistent = (false_facts == 0).float()
        loss = contrastive_loss(embedded, encode_text(model, tokens), consistent, model.logit_scale.exp())
        wrong = F.binary_cross_entropy_with_logits(facts_head(embedded), truth[ids], fact_weight, reduction="none")
        optimizer.zero_grad()
        torch.autograd.backward(loss + 0.25 * wrong.sum(1).mean())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        average = loss.item() if math.isnan(average) else 0.95 * average + 0.05 * loss.item()
        if step % 20 == 0:
            bar.set_postfix(loss=f"{average:.3f}", scale=f"{model.logit_scale.exp().item():.1f}")
        if step + 1 == EARLY_STEP:
            save_judge(model, config, vocabulary, folder / "labclip_early")
    save_judge(model, config, vocabulary, folder / "labclip")
