"""The statements that are no queries, what SHOW shows and what SET sets, as data: docs and completion read these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement by its first word: how it is written, what it does, and an example that could be run."""

    word: str
    form: str
    summary: str
    example: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What may follow SHOW, and what its rows are."""

    word: str
    form: str
    rows: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What SET can set: what it takes, and what that changes."""

    name: str
    takes: str
    meaning: str
    example: str


STATEMENTS: Mapping[str, Statement] = MappingProxyType(
    {
        s.word: s
        for s in (
            Statement(
                "LET", "LET name = value",
                "gives a name to a model, data set, word list, captions, judge, a selection, an answer or rows of SQL",
                "LET few = lab.probe[0:100]",
            ),
            Statement(
                "PARAM", "PARAM name = value",
                "gives $name a value, unless --param or a keyword of con.run() has given it one",
                "PARAM k = 10",
            ),
            Statement(
                "SET", "SET setting = value", "says what is taken where a clause is left out", "SET judge = labclip"
            ),
            Statement("RESET", "RESET setting", "takes a SET back", "RESET judge"),
            Statement(
                "DEFINE", "DEFINE name(argument, argument = default) AS query",
                "gives a name to a query with holes, called as name(…)",
                "DEFINE best(layer, n = 3) AS EXPLAIN $layer OF labnet WITH lab.words WHERE rank <= $n",
            ),
            Statement(
                "IMPORT", "IMPORT 'file.clq'",
                "takes over the names that another file makes, by a path relative to the file that imports",
                "IMPORT 'names.clq'",
            ),
            Statement("SHOW", "SHOW what", "lists what there is, as rows", "SHOW LAYERS OF labnet"),
            Statement(
                "PLAN", "PLAN [ANALYZE] query",
                "says what would run, what is stored already and which defaults were taken; with ANALYZE it runs and "
                "says what each node took",
                "PLAN EXPLAIN layer4 OF labnet",
            ),
        )
    }
)  # fmt: skip

SHOWS: Mapping[str, Shown] = MappingProxyType(
    {
        s.word: s
        for s in (
            Shown("MODELS", "SHOW MODELS", "models, and the functions that make more"),
            Shown("DATASETS", "SHOW DATASETS", "images, and the functions that make more"),
            Shown("VOCABULARIES", "SHOW VOCABULARIES", "word lists, and the functions that make more"),
            Shown("CAPTIONS", "SHOW CAPTIONS", "sources of captions, and the functions that make more"),
            Shown("JUDGES", "SHOW JUDGES", "judges, and the functions that make more"),
            Shown("NAMES", "SHOW NAMES", "every name with its kind and who made it, and the settings"),
            Shown("PARAMS", "SHOW PARAMS", "the parameters and their values"),
            Shown("LAYERS", "SHOW LAYERS OF model", "layers in the order of the forward, and how many units each has"),
            Shown("METHODS", "SHOW METHODS [FOR verb]", "methods, what they do, and their sources"),
            Shown("METHOD", "SHOW METHOD name", "the arguments of a method"),
            Shown("VERBS", "SHOW VERBS", "verbs, what each asks, and its methods"),
            Shown("VERB", "SHOW VERB verb", "the columns of a verb's answer"),
            Shown("RUNS", "SHOW RUNS", "the queries whose tables are in the store, and when they ran"),
            Shown("CACHE", "SHOW CACHE", "what the store holds, with sizes and seconds"),
        )
    }
)

SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        s.name: s
        for s in (
            Setting("model", "a model", "the model of queries without OF", "SET model = labnet"),
            Setting("dataset", "images", "the images of queries without ON", "SET dataset = lab.probe[0:100]"),
            Setting("judge", "a judge", "the judge of queries without JUDGED BY", "SET judge = labclip"),
            Setting("captions", "captions", "those of queries without CAPTIONED BY", "SET captions = lab.captions"),
            Setting("vocabulary", "words", "the words of queries without WITH", "SET vocabulary = lab.words"),
            Setting("device", "cpu or cuda", "where models run; it never changes an answer's key", "SET device = cpu"),
            Setting("precision", "float32, bfloat16 or float16",
                    "in which models and judges compute; answers of each are kept apart", "SET precision = 'bfloat16'"),
            Setting("on_error", "fail or skip", "whether unreadable images end the run or are left out and told",
                    "SET on_error = 'skip'"),
            Setting("backend", "inline, processes, dask or 'tcp://…'",
                    "who computes: this process, several of this machine, or a cluster; it never changes an answer",
                    "SET backend = 'processes'"),
            Setting("workers", "a whole number from 1 on",
                    "how many compute; more than one without a backend are processes", "SET workers = 4"),
            Setting("memory", "a size, or none", "what clq may hold in memory, models and libraries counted",
                    "SET memory = '2GB'"),
            Setting("cache_size", "a size, or none", "what the store may hold: above it, the least recently used goes",
                    "SET cache_size = '20GB'"),
            Setting("seed", "a whole number from 0 on", "of methods and calls that were given none", "SET seed = 7"),
        )
    }
)  # fmt: skip
