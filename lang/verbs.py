"""The verbs and clauses as data: what each asks, reads and answers. Checker, messages and docs read this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ObjectKind = Literal["targets", "source", "concepts", "outliers", "none"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause word: which field of Query it fills, what follows it, and an example that could be written."""

    keyword: str
    field: str
    takes: str
    example: str
    several: str | None = None


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: its answer's columns, the columns it is ordered by, the clauses and kinds of target it reads.

    `methods` is False for a verb that needs none: what it gives is already there.
    """

    name: str
    summary: str
    object: ObjectKind
    example: str
    columns: tuple[Column, ...]
    order: tuple[str, ...]
    clauses: frozenset[str] = frozenset()
    targets: tuple[str, ...] = ()
    methods: bool = True

    def column_names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def ddl(self) -> str:
        """The columns as DuckDB writes them in CREATE TABLE."""
        return ", ".join(f"{c.name} {c.type}" for c in self.columns)


# In the order of the EBNF, which is the order of canonical text.
CLAUSES: Mapping[str, Clause] = MappingProxyType(
    {
        c.keyword: c
        for c in (
            Clause("OF", "of", "a model", "labnet", "models"),
            Clause("IN", "in_", "a layer", "layer4", "layers"),
            Clause("ON", "on", "images", "lab.probe", "data sets"),
            Clause("FOR", "for_", "what it is done for", "CLASS 'boat'", "targets"),
            Clause("TO", "to", "a layer of another model", "layer4 OF labself"),
            Clause("USING", "using", "a method", "clip_dissect(top_k=50)", "methods"),
            Clause("CONTRAST", "contrast", "low, random or images", "low"),
            Clause("WITH", "with_", "words", "lab.words", "vocabularies"),
            Clause("CAPTIONED BY", "captioned", "captions", "lab.captions", "sources of captions"),
            Clause("JUDGED BY", "judged", "a judge", "labclip", "judges"),
            Clause("CHANGING", "changing", "concepts set to values", "water = 0", "changes"),
        )
    }
)
TAIL = ("WHERE", "ORDER BY", "LIMIT", "INTO")

_UNIT_KINDS = ("place", "group", "class", "synset", "text", "failure", "classes", "groups", "failures", "subquery")

TARGET = (
    Column("model", "VARCHAR", "the model"),
    Column("layer", "VARCHAR", "the layer, NULL where there is none"),
    Column("kind", "VARCHAR", "unit, group, direction, class, synset, text, failure or model"),
    Column("unit", "INTEGER", "the number of the unit, group, direction or class, from 0; NULL for text and synset"),
    Column("target", "VARCHAR", "the target as a query would write it"),
)
IMAGE = (
    Column("dataset", "VARCHAR", "the data set"),
    Column("image", "VARCHAR", "the image's name inside the data set"),
)
BOX = (
    Column("x0", "INTEGER", "left edge in pixels of the stored image"),
    Column("y0", "INTEGER", "upper edge"),
    Column("x1", "INTEGER", "right edge, exclusive"),
    Column("y1", "INTEGER", "lower edge, exclusive"),
)
BOUNDS = (
    Column("low", "DOUBLE", "lower bound, NULL if none was computed"),
    Column("high", "DOUBLE", "upper bound, NULL if none was computed"),
)
MADE = (
    Column("method", "VARCHAR", "the method that made the row"),
    Column("args", "JSON", "its arguments that differ from the defaults"),
    Column("run", "VARCHAR", "the key of the plan"),
)
RANK = Column("rank", "INTEGER", "from 1, within a target or image")
CONCEPT = Column("concept", "VARCHAR", "the concept in words, NULL where the method abstained")

_TARGET_ORDER = ("model", "layer", "kind", "unit", "target")
_IMAGE_ORDER = ("dataset", "image")


def _score(meaning: str) -> Column:
    return Column("score", "DOUBLE", meaning)


def _clauses(names: str) -> frozenset[str]:
    long = {"CAPTIONED": "CAPTIONED BY", "JUDGED": "JUDGED BY"}
    return frozenset(long.get(n, n) for n in names.split())


_ALL = (
    Verb(
        "EXPLAIN",
        "What does it respond to, in words?",
        "targets",
        "EXPLAIN layer4 OF labnet",
        (
            *TARGET,
            Column("units", "INTEGER[]", "the members of a group"),
            Column("images", "INTEGER", "how many images stand behind a group or failure"),
            RANK,
            CONCEPT,
            _score("what rank sorts by"),
            *BOUNDS,
            Column("coherence", "DOUBLE", "mean cosine of the judge's vectors of those images, each pair once"),
            *MADE,
        ),
        ("model", "layer", "unit", "method", "rank"),
        _clauses("OF IN ON FOR USING CONTRAST WITH CAPTIONED JUDGED"),
        _UNIT_KINDS,
    ),
    Verb(
        "EVIDENCE",
        "Which images, crops and captions stand behind an answer?",
        "source",
        "EVIDENCE labels",
        (
            *TARGET,
            RANK,
            Column("side", "VARCHAR", "high or low"),
            *IMAGE,
            Column("activation", "DOUBLE", "of the target on the image"),
            *BOX,
            Column("caption", "VARCHAR", "the caption retrieved for the crop"),
            *MADE,
        ),
        (*_TARGET_ORDER, "side", "rank"),
        methods=False,
    ),
    Verb(
        "ATTRIBUTE",
        "Where in the image?",
        "targets",
        "ATTRIBUTE CLASS 'boat' OF labnet ON lab.probe[0:50]",
        (
            *TARGET,
            *IMAGE,
            _score("of the target on the image"),
            *BOUNDS,
            Column("height", "INTEGER", "rows of the map"),
            Column("width", "INTEGER", "columns of the map"),
            Column("map", "FLOAT[]", "the attribution, row by row"),
            *MADE,
        ),
        (*_TARGET_ORDER, *_IMAGE_ORDER),
        _clauses("OF IN ON FOR USING CONTRAST WITH JUDGED"),
        _UNIT_KINDS,
    ),
    Verb(
        "DISCOVER",
        "Which directions does a layer use, and how much do they matter?",
        "concepts",
        "DISCOVER CONCEPTS IN layer4 OF labnet",
        (
            *TARGET,
            Column("class", "VARCHAR", "the class it was found for, NULL for all"),
            RANK,
            Column("importance", "DOUBLE", "what rank sorts by"),
            Column("contribution", "DOUBLE", "signed contribution"),
            Column("parent", "VARCHAR", "the direction it refines"),
            Column("direction", "FLOAT[]", "the vector in the layer's space"),
            *MADE,
        ),
        ("class", "rank"),
        _clauses("OF IN ON FOR USING"),
    ),
    Verb(
        "VISUALIZE",
        "What would it like to see?",
        "targets",
        "VISUALIZE layer4[0:8] OF labnet",
        (
            *TARGET,
            _score("the activation reached"),
            Column("height", "INTEGER", "of the picture"),
            Column("width", "INTEGER", "of the picture"),
            Column("picture", "BLOB", "as PNG"),
            Column("path", "VARCHAR", "the file, if INTO named a folder"),
            *MADE,
        ),
        _TARGET_ORDER,
        _clauses("OF IN ON FOR USING JUDGED"),
        _UNIT_KINDS,
    ),
    Verb(
        "LOCATE",
        "Where is it? Boxes.",
        "targets",
        "LOCATE SYNSET 'bird.n.01' ON lab.probe",
        (*TARGET, *IMAGE, RANK, _score("what rank sorts by"), *BOX, *MADE),
        (*_IMAGE_ORDER, *_TARGET_ORDER, "rank"),
        _clauses("OF IN ON USING WITH JUDGED"),
        _UNIT_KINDS,
    ),
    Verb(
        "TRANSFER",
        "Which of these concepts live in another layer?",
        "targets",
        "TRANSFER labels TO layer4 OF labself",
        (
            *TARGET,
            Column("origin", "VARCHAR", "the target it was carried from"),
            RANK,
            CONCEPT,
            _score("what rank sorts by"),
            Column("fit", "DOUBLE", "how well the map fits held-out images"),
            Column("low", "DOUBLE", "lower bound of fit"),
            Column("high", "DOUBLE", "upper bound of fit"),
            Column("correlation", "DOUBLE", "of what the map gives with the origin's activation, on images left out"),
            Column("overlap", "DOUBLE", "Jaccard index of the images where either is highest"),
            Column("recall", "DOUBLE", "of images with this label, the share on which it is carried highest of all"),
            Column("images", "INTEGER", "how many images have this label"),
            Column("direction", "FLOAT[]", "the concept in the layer's space, for its activations"),
            Column("bias", "DOUBLE", "what is added to their product"),
            *MADE,
        ),
        ("unit", "rank", "model", "layer", "method", "args", "origin"),
        _clauses("OF IN ON TO USING JUDGED"),
        _UNIT_KINDS,
    ),
    Verb(
        "TRACE",
        "Which earlier units carry it?",
        "targets",
        "TRACE layer4[3] IN layer1, layer2 OF labnet",
        (
            *TARGET,
            Column("to_layer", "VARCHAR", "the layer of the traced target"),
            Column("to_unit", "INTEGER", "its unit"),
            Column("to_target", "VARCHAR", "the traced target"),
            Column("effect", "DOUBLE", "estimated effect, what rank sorts by"),
            Column("exact", "DOUBLE", "the effect by patching, where computed"),
            *MADE,
        ),
        ("layer", "unit", "to_unit"),
        _clauses("OF IN ON FOR USING"),
        _UNIT_KINDS,
    ),
    Verb(
        "EMBED",
        "Vectors of images or words.",
        "source",
        "EMBED lab.probe JUDGED BY labclip",
        (*IMAGE, Column("text", "VARCHAR", "the word, if words"), Column("vector", "FLOAT[]", "the embedding"), *MADE),
        (*_IMAGE_ORDER, "text"),
        _clauses("OF IN ON USING JUDGED"),
    ),
    Verb(
        "LABEL",
        "Which concepts does each image show?",
        "source",
        "LABEL lab.probe USING splice WITH lab.words",
        (
            *IMAGE,
            RANK,
            CONCEPT,
            _score("what rank sorts by"),
            Column("before", "DOUBLE", "the score before CHANGING"),
            *MADE,
        ),
        (*_IMAGE_ORDER, "rank"),
        _clauses("OF USING WITH JUDGED CHANGING"),
    ),
    Verb(
        "CLUSTER",
        "Which images belong together, and by what?",
        "source",
        "CLUSTER lab.probe USING kmeans(clusters=10)",
        (
            *IMAGE,
            Column("cluster", "INTEGER", "from 0"),
            _score("closeness to the cluster"),
            Column("concepts", "VARCHAR[]", "what the cluster shows"),
            *MADE,
        ),
        ("cluster", *_IMAGE_ORDER),
        _clauses("OF USING WITH JUDGED"),
    ),
    Verb(
        "DETECT",
        "Which images lie outside the known?",
        "outliers",
        "DETECT OUTLIERS ON lab.probe",
        (*IMAGE, RANK, _score("what rank sorts by"), *MADE),
        ("rank",),
        _clauses("OF IN ON FOR USING WITH JUDGED"),
    ),
    Verb(
        "EVALUATE",
        "How good is an answer?",
        "source",
        "EVALUATE labels USING accuracy",
        (
            *TARGET,
            Column("part", "VARCHAR", "a subgroup, NULL for the whole"),
            Column("metric", "VARCHAR", "what was measured"),
            Column("value", "DOUBLE", "its value"),
            *BOUNDS,
            Column("baseline", "DOUBLE", "the value that chance would give, NULL where that has no meaning"),
            Column("n", "BIGINT", "how many it was measured on"),
            *MADE,
        ),
        ("metric", "method", "part", *_TARGET_ORDER),
        _clauses("ON USING WITH JUDGED"),
    ),
    Verb(
        "REPORT",
        "A page to read and pass on.",
        "targets",
        "REPORT CLASS 'boat' OF labnet INTO 'boat.html'",
        (*TARGET, Column("path", "VARCHAR", "the page"), *MADE),
        _TARGET_ORDER,
        _clauses("OF IN ON FOR USING CONTRAST WITH CAPTIONED JUDGED"),
        (*_UNIT_KINDS, "model"),
    ),
    Verb(
        "TRAIN",
        "A model aligned with people, or bounded.",
        "source",
        "TRAIN labnet ON lab.train USING harmonize",
        (
            Column("model", "VARCHAR", "the trained model"),
            Column("step", "INTEGER", "of the training"),
            Column("metric", "VARCHAR", "what was measured"),
            Column("value", "DOUBLE", "its value"),
            Column("path", "VARCHAR", "the checkpoint"),
            *MADE,
        ),
        ("step", "metric"),
        _clauses("OF ON FOR USING WITH"),
    ),
    Verb(
        "PLAN",
        "What would run, and what is cached?",
        "none",
        "PLAN EXPLAIN layer4 OF labnet",
        (
            Column("node", "INTEGER", "number of the node"),
            Column("operator", "VARCHAR", "what it computes"),
            Column("inputs", "INTEGER[]", "the nodes it reads"),
            Column("cached", "BOOLEAN", "whether the store has it"),
            Column("rows", "BIGINT", "of its result; before a run where they are known"),
            Column("bytes", "BIGINT", "of its result"),
            Column("seconds", "DOUBLE", "from earlier runs, NULL if unknown; 0 if stored; PLAN ANALYZE measures them"),
            Column("passes", "INTEGER", "1 for a node that reads the images of its round"),
        ),
        ("node",),
    ),
)

VERBS: Mapping[str, Verb] = MappingProxyType({v.name: v for v in _ALL})
QUERY_VERBS: frozenset[str] = frozenset(VERBS) - {"PLAN"}
SPELLINGS: Mapping[str, str] = MappingProxyType({"VISUALISE": "VISUALIZE"})
