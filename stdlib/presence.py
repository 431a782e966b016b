"""What metrics share that look at images: activations as the answer saw them, and who says what an image holds."""

from __future__ import annotations

import json
from typing import Any

from ..engine.operator import Operator, Source
from ..lang.declare import Parameter
from ..lang.diagnostic import Diagnostic, did_you_mean, listing
from ..ops.activations import PooledActivations
from ..ops.controls import ShuffledImages
from ..ops.judged import LabelTexts
from .job import Job
from .metrics import judged_in
from .things import Model

SAID = ("facts", "label")  # the columns that are looked at if none is named, the first that is there
CONTROLS = (
    Parameter("model", "thing", None, "another network whose units of the same layer and number are measured by these "
              "labels, such as one of random weights or a later checkpoint; null: that of the answer", kind="model",
              nullable=True),
    Parameter("shuffle", "int", None, "a control: deal the images of each unit anew, by this seed", nullable=True),
)  # fmt: skip
ACTIVE = Parameter("active", "float", 0.05, "the share of the images that a unit is on for, those of highest "
                   "activation", low=1e-9, high=1.0)  # fmt: skip


def presence_parameters(default: str) -> tuple[Parameter, ...]:
    """Who says what an image holds. The slope and offset are published ones of CLIP ViT-L/14 at 336 pixels."""
    return (
        Parameter("presence", "choice", default, "who says which images hold a label: the labels of the data set, or "
                  "the judge", choices=("labels", "judge")),
        Parameter("labels", "list", None, "the columns of the data set that name what an image holds, by names or "
                  "lists of names; null: facts, or else label", nullable=True, only_with=("presence", "labels")),
        Parameter("slope", "float", 58.0, "presence is a sigmoid of slope times (cosine + offset)", low=1e-9,
                  only_with=("presence", "judge")),
        Parameter("offset", "float", -0.25, "see slope; presence is one half where the cosine is the opposite of this",
                  low=-1.0, high=1.0, only_with=("presence", "judge")),
    )  # fmt: skip


def activations_for(job: Job) -> Operator:
    """The layer on the job's images, pooled as the answer's method pools it: where it looked at the same images, this
    is what it has read."""
    args: dict[str, Any] = json.loads(judged_in(job).args or "{}")
    how = args.get("pooling", "auto")
    pooling = f"token {args.get('token', 0)}" if how == "token" else how
    model = job.of(_measured(job), "OF a model")
    found = PooledActivations(model, job.of(job.images, "ON images"), job.layer, pooling)
    shuffle = job.values.get("shuffle")
    return found if shuffle is None else ShuffledImages(found, shuffle)


def _measured(job: Job) -> Model | None:
    """The network whose units are measured. Raises Diagnostic for another one in which the layer is not the same."""
    other = job.values.get("model")
    if not isinstance(other, Model) or job.model is None:
        return job.model
    own, there = (model.layers() or {} for model in (job.model, other))
    if there and job.layer not in there:
        raise Diagnostic(
            "unknown-layer", f"{other.name} has no layer {job.layer}, whose units these labels are of",
            job.spans.get("model"), hint=f"its layers: {listing(list(there))}",
        )  # fmt: skip
    counts = own.get(job.layer), there.get(job.layer)
    if None not in counts and counts[0] != counts[1]:
        message = f"{job.layer} has {counts[0]} units in {job.model.name} and {counts[1]} in {other.name}"
        raise Diagnostic("wrong-kind", message, job.spans.get("model"))
    return other


Presence = tuple[tuple[str, ...], LabelTexts | None, Operator | None, Operator | None, float, float]


def presence_for(job: Job) -> Presence:
    """The fields of an `ops.presence.PresenceEvaluation`. Raises Diagnostic for columns that the images do not have."""
    v = job.values
    if v["presence"] == "judge":
        texts = LabelTexts(judged_in(job).rows)
        return (), texts, job.image_vectors(), job.text_vectors(texts), v["slope"], v["offset"]
    if job.judge is not None and job.judge.name in job.places:
        raise Diagnostic(
            "unexpected", f"{job.method} takes what the data set says of its images and asks no judge",
            job.places[job.judge.name], hint=f"write {job.method}(presence=judge) to have the judge say it",
        )  # fmt: skip
    return columns_of(job, job.of(job.images, "ON images"), v["labels"]), None, None, None, 0.0, 0.0


def columns_of(job: Job, images: Source, given: list[str] | str | None) -> tuple[str, ...]:
    """The columns that say what an image holds."""
    there = list(images.spec.columns())
    if given is None:
        found = [column for column in SAID if column in there][:1]
        if not found:
            raise Diagnostic(
                "missing-argument", f"Which column of {images.name} says what an image holds?",
                hint=f"write {job.method}(labels='…'), one of {listing(there)}; or presence=judge",
            )  # fmt: skip
        return tuple(found)
    wanted = [given] if isinstance(given, str) else [str(one) for one in given]
    for column in wanted:
        if column not in there:
            near = did_you_mean(column, there)
            raise Diagnostic(
                "unknown-column", f"{images.name} has no column {column}.{near}", job.spans.get("labels"),
                hint=f"its columns: {listing(there)}",
            )  # fmt: skip
    return tuple(dict.fromkeys(wanted))
