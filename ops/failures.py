"""FALCON's failure debugging: which images a classifier gets wrong, in slices, and which groups of features push it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..engine.artifact import Artifact, Result
from ..engine.operator import Axis, Global, Inputs, Operator, Source
from ..engine.resources import Resources
from ..lang.diagnostic import Diagnostic, did_you_mean, listing
from ..lang.literals import encode_string
from ..lang.slices import Cluster, Confusion, Slice, read_slice
from .activations import PooledActivations
from .answers import UnitAnswer, evidence_schema, explain_schema, spelled, where
from .crops import CropEmbeddings
from .embeddings import texts_of
from .falcon import LOOKED_UP, POOLED, FalconUnits, RetrievedCaptions, WordScores, words_let_through
from .groups import FeatureGroups, groups_of, units_that_fire
from .words import CaptionWords

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Slicing = Literal["predicted", "class", "pair", "cluster", "given"]
AGREES = 1e-3  # of the largest logit: how near x W^T + b must come to the outputs of the network


@dataclass(frozen=True, eq=False)
class TrueClasses(Global):
    """'label' [N]: the number among `classes` of what each image is, from the column `label` of the data set.

    The column holds numbers of classes, or their names. Raises Diagnostic where there is none, or another class.
    """

    couples: ClassVar[frozenset[Axis]] = frozenset()
    images: Source
    classes: tuple[str, ...]

    def label(self) -> str:
        return f"true classes of {self.images.name}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        name, relation = self.images.name, self.images.spec.relation()
        if "label" not in relation.column_names:
            hint = "folder(…) takes the folder of an image as its label, arrays(…, labels=…) an array"
            raise Diagnostic("no-labels", f"{name} does not say what its images are", hint=hint, about=(name,))
        numbers: dict[Any, int] = {c: i for i, c in reversed(list(enumerate(self.classes)))}
        numbers |= {i: i for i in range(len(self.classes))}
        labels = relation["label"].to_pylist()
        strange = sorted({str(label) for label in labels if label not in numbers})
        if strange:
            known = f"{len(self.classes)} classes, such as {listing(self.classes[:3])}"
            near = did_you_mean(strange[0], self.classes)
            message = f"{name} has the label {encode_string(strange[0])}, which is none of the model's {known}.{near}"
            hint = "ask about the others: LET photos = …; … ON photos[(SELECT image FROM photos WHERE label IN (…))]"
            raise Diagnostic("no-labels", message, hint=hint, about=(name,))
        return Result({"label": np.array([numbers[label] for label in labels], np.int64)})


@dataclass(frozen=True, eq=False)
class FailingSlices(Global):
    """Slices of the images that a classifier gets wrong, the largest first, by the highest of its outputs.

    'size' [slices] and 'image' [sum of sizes]: those of each, by 'lead' [sum of sizes], how far the output of the wrong
    class is above that of the true one, highest first. 'true' and 'predicted' [N]. The fact 'slices' is their text.
    `slicing` 'given' takes `given` as it is; else slices of fewer than `least` images are left out. `only`: images of
    these true classes (none: all). `vectors`: of the images, for clusters, of which there are `clusters`.
    """

    couples: ClassVar[frozenset[Axis]] = frozenset({"units", "images"})
    labels: TrueClasses
    outputs: PooledActivations
    slicing: Slicing
    given: tuple[str, ...]
    only: tuple[int, ...]
    least: int
    vectors: Operator | None
    clusters: int
    seed: int

    def label(self) -> str:
        return f"images that {self.outputs.model.name} gets wrong, {'as asked' if self.given else f'by {self.slicing}'}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        true = inputs.artifact(self.labels).load("label")
        predicted, lead, start = np.empty(len(true), np.int64), np.empty(len(true), np.float32), 0
        for shard in inputs.artifact(self.outputs).shards("activations"):
            values = shard["activations"]
            here, rows = slice(start, start + len(values)), np.arange(len(values))
            predicted[here] = values.argmax(1)
            lead[here] = values[rows, predicted[here]] - values[rows, true[here]]
            start += len(values)
        wrong = np.flatnonzero(predicted != true)
        if self.only:
            wrong = wrong[np.isin(true[wrong], self.only)]
        slices = self._slices(inputs, wrong, true, predicted)
        slices = {s: images[np.argsort(-lead[images], kind="stable")] for s, images in slices.items()}
        classes = self.labels.classes
        if self.slicing != "given":
            kept = [(s, images) for s, images in slices.items() if len(images) >= self.least]
            slices = dict(sorted(kept, key=lambda item: (-len(item[1]), item[0].written(classes))))
        flat = np.concatenate([np.zeros(0, np.int64), *slices.values()])
        return Result(
            {
                "size": np.array([len(images) for images in slices.values()], np.int64), "image": flat,
                "lead": lead[flat], "true": true, "predicted": predicted,
            },
            facts={"slices": [s.written(classes) for s in slices], "images": len(true), "wrong": len(wrong)},
        )  # fmt: skip

    def _slices(
        self, inputs: Inputs, wrong: np.ndarray, true: np.ndarray, predicted: np.ndarray
    ) -> dict[Slice, np.ndarray]:
        import numpy as np

        asked = [s for text in self.given if (s := read_slice(text, self.labels.classes)) is not None]
        found: dict[Slice, np.ndarray] = {}
        clustered: dict[int, np.ndarray] = {}
        if self.slicing in {"cluster", "given"}:
            counts = {s.of for s in asked if isinstance(s, Cluster)} or {self.clusters}
            for k in counts if self.slicing == "cluster" or any(isinstance(s, Cluster) for s in asked) else ():
                clustered[k] = self._clusters(inputs, wrong, k)
        if self.slicing == "given":
            for s in asked:
                if isinstance(s, Cluster):
                    found[s] = wrong[clustered[s.of] == s.number]
                else:
                    asked_true = (true[wrong] == s.true) | (s.true is None)
                    found[s] = wrong[asked_true & ((predicted[wrong] == s.predicted) | (s.predicted is None))]
            return found
        if self.slicing == "cluster":
            numbers = clustered[self.clusters]
            return {Cluster(int(c), self.clusters): wrong[numbers == c] for c in np.unique(numbers)}
        of: dict[Slice, list[int]] = defaultdict(list)
        for i in wrong.tolist():
            t, p = int(true[i]), int(predicted[i])
            of[Confusion(None if self.slicing == "predicted" else t, None if self.slicing == "class" else p)].append(i)
        return {s: np.array(images, np.int64) for s, images in of.items()}

    def _clusters(self, inputs: Inputs, wrong: np.ndarray, k: int) -> np.ndarray:
        import numpy as np

        from .kernels.failures import clusters

        if not len(wrong) or self.vectors is None:
            return np.zeros(len(wrong), np.int64)
        return clusters(inputs.artifact(self.vectors).take("vectors", wrong), k, self.seed)


def slices_of(found: Artifact) -> list[np.ndarray]:
    """The images of each slice."""
    import numpy as np

    cuts = found.load("size").cumsum()[:-1]
    return np.split(found.load("image"), cuts) if len(found.load("size")) else []


@dataclass(frozen=True, eq=False)
class HeadWeights(Global):
    """'weight' [C,D] and 'bias' [C] of the linear layer that gives a model's classes. Raises Diagnostic for another."""

    model: Source
    head: str

    def label(self) -> str:
        return f"weights of {self.head} of {self.model.name}"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        from .kernels.head import linear

        weight, bias = linear(inputs.opened(self.model), self.head, self.model.name)
        return Result({"weight": weight, "bias": bias})


@dataclass(frozen=True, eq=False)
class GroupPushes(Global):
    """'wrong', 'deviation', 'right', 'share', 'right_share' [slices, groups]: see `kernels.failures.Pushes`.

    Raises Diagnostic unless the classes are a linear function of the features that the groups are of.
    """

    slices: FailingSlices
    groups: FeatureGroups
    head: HeadWeights

    def label(self) -> str:
        return "what each group adds to the wrong class of each slice"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np
        from scipy import sparse

        from .kernels.failures import Pushing

        found, weights = inputs.artifact(self.slices), inputs.artifact(self.head)
        weight, bias = weights.load("weight"), weights.load("bias")
        groups, images = groups_of(inputs.artifact(self.groups)) or [], slices_of(found)
        true, predicted = found.load("true"), found.load("predicted")
        rows = np.concatenate([np.zeros(0, np.int64), *images])
        columns = np.repeat(np.arange(len(images)), [len(some) for some in images])
        inside = sparse.csr_matrix((np.ones(len(rows), np.bool_), (rows, columns)), (len(true), len(images)))
        pushing = Pushing(weight.astype(np.float64), groups, inside, true, predicted)
        features = inputs.artifact(self.groups.activations)
        outputs = inputs.artifact(self.slices.outputs).blocks("activations", BLOCK)
        for x, given in zip(features.blocks("activations", BLOCK), outputs, strict=True):
            self._agree(x, weight, bias, given)
            pushing.update(x, units_that_fire(self.groups, inputs, x, groups))
        made = pushing.result()
        return Result({name: getattr(made, name) for name in ("wrong", "deviation", "right", "share", "right_share")})

    def _agree(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray, outputs: np.ndarray) -> None:
        """That the head reads these features, and nothing else."""
        import numpy as np

        head, layer, model = self.head.head, self.groups.activations.layer, self.head.model.name
        fits = x.shape[1] == weight.shape[1]
        off = float(np.abs(x @ weight.T + bias - outputs).max()) if fits else np.inf
        if off > AGREES * max(1.0, float(np.abs(outputs).max())):
            message = f"{head} of {model} is no linear function of {layer}, so it cannot be said what pushes a class"
            hint = f"name the layer that {head} reads: IN …, as it gives its units after pooling"
            raise Diagnostic("layer-shape", message, hint=hint, exit_code=1, about=(layer, model))


BLOCK = 512  # images at a time


@dataclass(frozen=True, eq=False)
class MistakenImages(Global):
    """The failing images of all slices by the class that they are taken for, as the targets of crops.

    'index' and 'value' [classes taken for, images], -1 and NaN where one has fewer; 'size' and 'member': that class, a
    unit of the head. At most the first `most` images of each slice.
    """

    slices: FailingSlices
    most: int

    def label(self) -> str:
        return f"at most {self.most} images of each slice"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        found = inputs.artifact(self.slices)
        predicted, of = found.load("predicted"), defaultdict[int, list[int]](list)
        shown = [images[: self.most] for images in slices_of(found)]
        for image in np.unique(np.concatenate([np.zeros(0, np.int64), *shown])).tolist():
            of[int(predicted[image])].append(image)
        index = np.full((len(of), max(map(len, of.values()), default=0)), -1, np.int64)
        for row, images in zip(index, of.values(), strict=True):
            row[: len(images)] = images
        return Result(
            {
                "index": index, "value": np.where(index < 0, np.nan, 0).astype(np.float32),
                "size": np.ones(len(of), np.int32), "member": np.array(list(of), np.int32),
                "minimum": np.zeros(len(of), np.float32), "constant": np.zeros(len(of), np.bool_),
            }
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class SliceWords(Global):
    """A table 'slice', 'text', 'score', 'low', 'high': words of the captions nearest to a slice's images, and how
    much more of those captions hold them than of right images of the same classes (see `kernels.failures.differences`).

    Of each slice the first `most` images count, of each class at most as many right ones, drawn by `seed`. `words` (a
    word list) lets only its own words through.
    """

    slices: FailingSlices
    image_vectors: Operator
    caption_vectors: Operator
    judge: Source
    bags: CaptionWords
    words: Operator | None
    k: int
    temperature: float | None
    most: int
    seed: int

    def label(self) -> str:
        return "words of failing images against right ones"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np
        import pyarrow as pa

        from .kernels.failures import differences

        found = inputs.artifact(self.slices)
        true, predicted = found.load("true"), found.load("predicted")
        wrong = [images[: self.most] for images in slices_of(found)]
        right = self._right(wrong, true, predicted)
        images = np.unique(np.concatenate([np.zeros(0, np.int64), *wrong, *right.values()]))
        place = {int(image): p for p, image in enumerate(images)}
        texts, shares = self._shares(inputs, images)
        made = differences(
            [shares[[place[i] for i in some.tolist()]] for some in wrong], [true[some] for some in wrong],
            {c: shares[[place[i] for i in some.tolist()]] for c, some in right.items()},
        )  # fmt: skip
        rows = [
            {"slice": s, "text": texts[w], "score": score[w], "low": low[w], "high": high[w]}
            for s, (score, low, high) in enumerate(zip(made.score, made.low, made.high, strict=True))
            for w in np.flatnonzero(~np.isnan(score)).tolist()
        ]
        number, real = pa.int32(), pa.float64()
        columns = [("slice", number), ("text", pa.string()), ("score", real), ("low", real), ("high", real)]
        return Result(table=pa.Table.from_pylist(rows, schema=pa.schema(columns)))

    def _right(
        self, wrong: Sequence[np.ndarray], true: np.ndarray, predicted: np.ndarray
    ) -> dict[int, np.ndarray]:
        """By class some images that are classified right, of the classes that are in slices."""
        import numpy as np

        from .kernels.low import lots

        lot = lots(self.seed, 0, len(true))
        out = {}
        for c in np.unique(np.concatenate([np.zeros(0, np.int64), *(true[some] for some in wrong)])).tolist():
            every = np.flatnonzero((true == c) & (predicted == c))
            out[c] = every[np.argsort(lot[every], kind="stable")][: self.most]
        return out

    def _shares(self, inputs: Inputs, images: np.ndarray) -> tuple[list[str], np.ndarray]:
        """The words [W], and the share of each image's captions that hold them [images,W]."""
        import numpy as np
        import torch

        from .kernels.falcon import retrieve

        scale = self.temperature if self.temperature is not None else inputs.opened(self.judge).scale
        vectors = torch.from_numpy(inputs.artifact(self.image_vectors).take("vectors", images))
        held, index = inputs.artifact(self.caption_vectors), list[list[int]]()
        for start in range(0, len(images), LOOKED_UP):
            pool = (torch.from_numpy(block) for block in held.blocks("vectors", POOLED))
            index += retrieve(vectors[start : start + LOOKED_UP], pool, k=self.k, temperature=scale).index.tolist()
        bags = words_let_through(inputs, self.bags, self.words, (c for captions in index for c in captions))
        texts = sorted({word for bag in bags.values() for word in bag})
        column = {word: w for w, word in enumerate(texts)}
        shares = np.zeros((len(images), len(texts)))
        for row, captions in zip(shares, index, strict=True):
            for caption in captions:
                row[[column[word] for word in set(bags[caption])]] += 1 / len(captions)
        return texts, shares


@dataclass(frozen=True, eq=False)
class SliceAnswer(UnitAnswer):
    """Rows about failing slices of a model."""

    slices: FailingSlices

    def slice(self, number: int, text: str) -> dict[str, Any]:
        """The columns that say which slice a row is about."""
        return {
            "model": self.model, "layer": self.layer, "kind": "failure", "unit": number,
            "target": f"FAILURE {encode_string(text)} OF {spelled(self.model)}",
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class FailuresByGroups(SliceAnswer):
    """The answer of EXPLAIN FAILURES: for each slice the groups that push to the wrong class, by their first word.

    'score': logits by which a group pushes more on the slice than on right images of the same classes. 'low' and
    'high': the 95 % interval of that mean over the slice's images, the right ones taken as they are. Of groups of one
    word the strongest stands for it. `missing`: instead the groups that hold right images and that failing ones lack.
    """

    pushes: GroupPushes
    explained: FalconUnits
    top: int
    missing: bool

    def label(self) -> str:
        return f"answer: failures of {self.model}, by groups"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        import numpy as np

        from .kernels.failures import NORMAL

        found, pushes = inputs.artifact(self.slices), inputs.artifact(self.pushes)
        named = {row["unit"]: row for row in self._explained(inputs) if row["rank"] == 1}
        wrong, right, deviation = (pushes.load(name) for name in ("wrong", "right", "deviation"))
        size, rows = found.load("size").tolist(), list[dict[str, Any]]()
        for s, text in enumerate(found.facts["slices"]):
            more = wrong[s] - right[s]
            holds = matters(wrong[s], right[s], self.missing)
            about = {**self.slice(s, text), "images": size[s]}
            kept: dict[Any, dict[str, Any]] = {}
            for g in sorted(np.flatnonzero(holds).tolist(), key=lambda g: (-more[g], g)):
                concept = named[g]["concept"]
                error = NORMAL * deviation[s, g] / size[s] ** 0.5
                row = {
                    "units": named[g]["units"], "concept": concept, "score": float(more[g]),
                    "low": None if np.isnan(error) else float(more[g] - error),
                    "high": None if np.isnan(error) else float(more[g] + error), "coherence": named[g]["coherence"],
                }  # fmt: skip
                kept.setdefault((g, None) if concept is None else concept, row)
            shown = [{**row, "rank": rank + 1} for rank, row in enumerate(list(kept.values())[: self.top])]
            rows += [{**about, **row} for row in shown or [{"rank": 1}]]
        return self.rows(rows, explain_schema())

    def _explained(self, inputs: Inputs) -> Sequence[dict[str, Any]]:
        table: pa.Table = inputs.artifact(self.explained).table()
        found: list[dict[str, Any]] = table.to_pylist()
        return found


def matters(wrong: np.ndarray, right: np.ndarray, missing: bool) -> np.ndarray:
    """Which groups push to the wrong class, and more so on failing images; or, if those are asked for that are missing,
    hold the right images, and more so than failing ones."""
    found: np.ndarray = (wrong > right) & (right < 0 if missing else wrong > 0)
    return found


@dataclass(frozen=True, eq=False)
class FailuresByImages(SliceAnswer):
    """The answer of EXPLAIN FAILURES: for each slice the words that its images show more than right ones do.

    'units': of the groups that push to the wrong class the one that does it most by this word: its push times the
    word's score on the group's own images. `missing`: instead words that right images show more, and groups that hold
    them.
    """

    words: SliceWords
    pushes: GroupPushes
    scores: WordScores
    top: int
    missing: bool

    def label(self) -> str:
        return f"answer: failures of {self.model}, by images"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        found, pushes = inputs.artifact(self.slices), inputs.artifact(self.pushes)
        groups = groups_of(inputs.artifact(self.pushes.groups)) or []
        of_word = defaultdict[str, list[tuple[int, float]]](list)
        for row in inputs.artifact(self.scores).table().to_pylist():
            of_word[row["text"]].append((row["unit"], row["score"]))
        sign = -1 if self.missing else 1
        told = defaultdict[int, list[dict[str, Any]]](list)
        for row in inputs.artifact(self.words).table().to_pylist():
            if sign * row["score"] >= LEAST_SHARE:
                low, high = sorted((sign * row["low"], sign * row["high"]))
                told[row["slice"]].append({**row, "score": sign * row["score"], "low": low, "high": high})
        wrong, right, size = pushes.load("wrong"), pushes.load("right"), found.load("size").tolist()
        rows: list[dict[str, Any]] = []
        for s, text in enumerate(found.facts["slices"]):
            about = {**self.slice(s, text), "images": size[s]}
            more, holds = wrong[s] - right[s], matters(wrong[s], right[s], self.missing)
            best = sorted(told[s], key=lambda row: (-row["score"], row["text"]))[: self.top]
            shown: list[dict[str, Any]] = []
            for rank, row in enumerate(best):
                carrying = [(-more[g] * score, g) for g, score in of_word[row["text"]] if holds[g] and score > 0]
                finite = row["high"] < float("inf")
                shown.append(
                    {
                        "rank": rank + 1, "concept": row["text"], "score": row["score"],
                        "low": row["low"] if finite else None, "high": row["high"] if finite else None,
                        "units": groups[min(carrying)[1]] if carrying else None,
                    }
                )  # fmt: skip
            rows += [{**about, **row} for row in shown or [{"rank": 1}]]
        return self.rows(rows, explain_schema())


LEAST_SHARE = 0.02  # as the words that a contrast is tried on: `kernels.contrast.candidates`


@dataclass(frozen=True, eq=False)
class FailureEvidence(SliceAnswer):
    """The rows of EVIDENCE for failures: images of each slice, cut to where the wrong class is seen, and a caption.

    'activation' is how far the output of the wrong class is above that of the true one.
    """

    crops: CropEmbeddings
    retrieved: RetrievedCaptions
    captions: Operator
    images: Source
    most: int

    def label(self) -> str:
        return "evidence: failing images, boxes, captions"

    def compute(self, inputs: Inputs, resources: Resources) -> Result:
        found, crops = inputs.artifact(self.slices), inputs.artifact(self.crops)
        rows: list[dict[str, Any]] = []
        sizes = found.load("size").tolist()
        if sum(sizes):
            texts, images = texts_of(self.captions, inputs), inputs.opened(self.images)
            nearest, box = inputs.artifact(self.retrieved).load("index"), crops.load("box").tolist()
            place = {int(image): p for p, image in enumerate(crops.load("image"))}
            lead, start = found.load("lead"), 0
            for s, (text, own) in enumerate(zip(found.facts["slices"], slices_of(found), strict=True)):
                for rank, image in enumerate(own[: self.most].tolist()):
                    left, top, right, bottom = box[place[image]]
                    rows.append(
                        {
                            **self.slice(s, text), "rank": rank + 1, "side": "high", **where(images, image),
                            "activation": float(lead[start + rank]), "x0": left, "y0": top, "x1": right, "y1": bottom,
                            "caption": texts[nearest[place[image]][0]],
                        }
                    )  # fmt: skip
                start += sizes[s]
        return self.rows(rows, evidence_schema())
