"""Every code a Diagnostic can have -> a page: what it means, why it comes, what to do, a wrong and a right example.

in the text       unknown-statement, unexpected, clause-…, open-…, nested-query, reserved-name
in its meaning    unknown-…, wrong-kind, missing-clause, …-argument, no-parameter, not-here, sql-error
in the world      unread-file, missing-…, unreadable-image, store-…, damaged-artifact, disk-full, out-of-memory, …
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill
from types import MappingProxyType

from .diagnostic import Diagnostic, did_you_mean, listing


@dataclass(frozen=True, slots=True)
class Page:
    """`wrong` and `right` are queries, or commands of a shell where they begin with $."""

    code: str
    title: str
    meaning: str
    remedy: str
    wrong: str | None = None
    right: str | None = None


_ALL = (
    # ---------------------------------------------------------------- in the text
    Page(
        "unknown-statement",
        "A statement begins with an unknown word",
        "The first word of a statement says whose it is: a verb or a word such as LET or SHOW is clq's, SELECT, CREATE "
        "and so on are DuckDB's. Neither knows this one.",
        "Write the word that the message proposes. SHOW VERBS lists the verbs. A name is given with LET.",
        "EXPLAN layer4 OF labnet",
        "EXPLAIN layer4 OF labnet",
    ),
    Page(
        "unexpected",
        "Something stands where it cannot",
        "A query is a verb, its object, clauses in any order, then WHERE, ORDER BY, LIMIT and INTO. What the "
        "caret points "
        "at fits none of them at this place, or the verb or method does not read it.",
        "Follow the message: it says what was expected, and for words of other languages what clq calls them.",
        "EXPLAIN layer4 FROM labnet",
        "EXPLAIN layer4 OF labnet",
    ),
    Page(
        "clause-order",
        "A clause stands after the SQL tail",
        "WHERE, ORDER BY, LIMIT and INTO act on the rows of the answer, end a query, and stand in this order.",
        "Move the clause before WHERE. The other clauses may stand in any order.",
        "EXPLAIN fc OF labnet WHERE rank = 1 USING clip_dissect",
        "EXPLAIN fc OF labnet USING clip_dissect WHERE rank = 1",
    ),
    Page(
        "clause-twice",
        "A clause stands twice",
        "Each clause stands once in a query; several of its values are joined by commas.",
        "Join the values.",
        "EXPLAIN fc OF labnet OF labself",
        "EXPLAIN fc OF labnet, labself",
    ),
    Page(
        "open-text",
        "A text or a quoted name is never closed",
        "The text or name that begins here runs to the end of the file. A quote inside text is doubled: 'it''s'.",
        "Close it with the quote it began with.",
        "EXPLAIN fc OF labnet WITH 'words.txt",
        "EXPLAIN fc OF labnet WITH 'words.txt'",
    ),
    Page(
        "open-bracket",
        "A bracket has no partner",
        "An opening bracket is never closed, is closed by another kind, or a closing one closes nothing.",
        "Close the bracket that the caret points at, or take it away.",
        "EXPLAIN layer4[0:64 OF labnet",
        "EXPLAIN layer4[0:64] OF labnet",
    ),
    Page(
        "open-comment",
        "A comment is never closed",
        "/* begins a comment that ends at */; such comments nest.",
        "Write */ where it ends, or -- for a comment to the end of the line.",
        "EXPLAIN fc OF labnet /* classes",
        "EXPLAIN fc OF labnet /* classes */",
    ),
    Page(
        "nested-query",
        "A query inside something else stands without parentheses",
        "A clq query as a value, or inside SQL, stands in parentheses. It sees names made by LET, tables and "
        "parameters, "
        "but not the CTEs of the SQL around it.",
        "Put it in parentheses, or name what it needs with LET before.",
        "LET q = EXPLAIN fc OF labnet",
        "LET q = (EXPLAIN fc OF labnet)",
    ),
    Page(
        "reserved-name",
        "A name is taken: a word of SQL, or of clq itself",
        "Names made by LET, INTO, PARAM and DEFINE can be used in SQL, so they must not be a word that SQL keeps for "
        "itself. INTO takes no name that clq gives to a model or another thing of its own, and DEFINE none of its "
        "constructors.",
        "Choose another name.",
        "LET both = (EXPLAIN fc OF labnet)",
        "LET pair = (EXPLAIN fc OF labnet)",
    ),
    Page(
        "import-cycle",
        "A file imports itself",
        "IMPORT reads the names of another file before going on. Files that import each other would never end.",
        "Put what both need into a third file that both import.",
        "IMPORT 'loop.clq'",
        "IMPORT 'names.clq'",
    ),
    Page(
        "call-cycle",
        "A defined query calls itself",
        "DEFINE gives a name to a query with holes. A body that calls its own name, directly or through others, would "
        "never end.",
        "Call another query in the body, or write the query out.",
        "DEFINE f(layer) AS SELECT * FROM f($layer)",
        "DEFINE f(layer) AS EXPLAIN $layer OF labnet",
    ),
    # ---------------------------------------------------------------- in its meaning
    Page(
        "unknown-name",
        "A name stands for nothing",
        "Names are looked up among what LET made, then what is built in, then tables. This one is in none of them.",
        "Correct the spelling (SHOW NAMES), make it with LET, or put the name of a file in single quotes.",
        "EXPLAIN fc OF labnet ON lab.prob",
        "EXPLAIN fc OF labnet ON lab.probe",
    ),
    Page(
        "unknown-model",
        "There is no such model",
        "What follows OF is a model's name or the call of a function that makes one.",
        "Correct the spelling (SHOW MODELS), or make the model with LET and a function.",
        "EXPLAIN fc OF labnt",
        "EXPLAIN fc OF labnet",
    ),
    Page(
        "unknown-layer",
        "The model has no such layer",
        "Layers are called as the model's modules are in Python. A star stands for any name between two dots.",
        "SHOW LAYERS OF the model lists them with their numbers of units.",
        "EXPLAIN layr4 OF labnet",
        "EXPLAIN layer4 OF labnet",
    ),
    Page(
        "unknown-unit",
        "The layer has no such unit",
        "Units are counted from 0; negative numbers count from the end; slices are half-open, as in Python.",
        "Stay within the number of units that the message names.",
        "EXPLAIN layer4[700] OF labnet",
        "EXPLAIN layer4[7] OF labnet",
    ),
    Page(
        "unknown-method",
        "The verb has no such method",
        "Each verb has its own methods; USING names one or several of them.",
        "SHOW METHODS FOR the verb lists them.",
        "EXPLAIN fc OF labnet USING clip_disect",
        "EXPLAIN fc OF labnet USING clip_dissect",
    ),
    Page(
        "unknown-argument",
        "The method or function has no such argument",
        "Arguments are declared by the method or function; without a name they count in the declared order.",
        "SHOW METHOD and its name lists arguments, defaults and ranges.",
        "EXPLAIN fc OF labnet USING clip_dissect(topk=5)",
        "EXPLAIN fc OF labnet USING clip_dissect(top_k=5)",
    ),
    Page(
        "bad-argument",
        "An argument has a value it cannot have",
        "Each argument declares its type and range. The message says both, the default, and what the argument does.",
        "Give a value of that type, within the range.",
        "EXPLAIN fc OF labnet USING clip_dissect(top_k='many')",
        "EXPLAIN fc OF labnet USING clip_dissect(top_k=50)",
    ),
    Page(
        "missing-argument",
        "An argument without a default was left out",
        "Some arguments have no sensible default, such as the path of a folder.",
        "Write the argument.",
        "LET photos = folder()",
        "LET photos = folder('photos/')",
    ),
    Page(
        "missing-clause",
        "A clause that nothing fills was left out",
        "What a query does not say is taken from SET, then from what the model or judge brings with it. "
        "Nothing does here, "
        "and clq does not guess.",
        "Write the clause that the message shows, or SET it once for all.",
        "EXPLAIN layer4",
        "EXPLAIN layer4 OF labnet",
    ),
    Page(
        "wrong-kind",
        "A name of one kind stands where another belongs",
        "A clause word fixes the kind of what follows: OF models, ON images, WITH words, CAPTIONED BY "
        "captions, JUDGED BY "
        "a judge, USING methods.",
        "Move the name to the clause that the message names.",
        "EXPLAIN fc OF labnet ON lab.words",
        "EXPLAIN fc OF labnet WITH lab.words",
    ),
    Page(
        "unknown-vocabulary",
        "There is no such vocabulary",
        "What follows WITH is a vocabulary's name, a file in single quotes, a list, or a query. Double quotes "
        "enclose names.",
        "Correct the spelling (SHOW VOCABULARIES) or the quotes.",
        'EXPLAIN fc OF labnet WITH "words.txt"',
        "EXPLAIN fc OF labnet WITH 'words.txt'",
    ),
    Page(
        "unknown-column",
        "The answer or table has no such column",
        "WHERE and ORDER BY act on the columns of the answer (SHOW VERB and its name lists them), not on "
        "those of the images.",
        "Choose images where they are named: ON lab.probe[(SELECT image FROM lab.probe WHERE …)].",
        "EXPLAIN fc OF labnet WHERE scene = 'water'",
        "EXPLAIN fc OF labnet ON lab.probe[(SELECT image FROM lab.probe WHERE scene = 'water')]",
    ),
    Page(
        "unknown-setting",
        "There is no such setting",
        "SET takes clq's settings (model, dataset, judge, captions, vocabulary, device, precision, on_error, backend, "
        "workers, memory, cache_size, seed) and DuckDB's.",
        "Correct the spelling.",
        "SET datset = lab.probe",
        "SET dataset = lab.probe",
    ),
    Page(
        "no-parameter",
        "A parameter has no value, or a value no parameter",
        "$name stands for a value that PARAM gives in the script, or --param on the command line.",
        "Give it a value; a value given from outside needs its $name in the text.",
        "EXPLAIN fc OF labnet WHERE rank <= $most",
        "PARAM most = 3; EXPLAIN fc OF labnet WHERE rank <= $most",
    ),
    Page(
        "no-labels",
        "It is not known what the images are",
        "Whether a classifier is right is known where the data set says of each image of which class it is: in a "
        "column label, with the name or number of one of the model's classes. Images of a folder have its name.",
        "Ask about images that have such labels, or only about those that do.",
    ),
    Page(
        "not-here",
        "This does not exist in this version",
        "The language is larger than what this version computes. Nothing is made up in its place.",
        "The message says what does exist.",
        "EXPLAIN CLASSES OF labnet",
        "EXPLAIN layer4 OF labnet",
    ),
    Page(
        "sql-error",
        "DuckDB refused the SQL",
        "Statements that begin with a word of SQL, and what follows WHERE and ORDER BY, are judged by DuckDB "
        "alone. The "
        "message is DuckDB's, at its place in your text.",
        "Correct the SQL. A clq query inside SQL stands in parentheses.",
        "SELECT colr FROM lab.probe",
        "SELECT colour FROM lab.probe",
    ),
    # ---------------------------------------------------------------- in the world
    Page(
        "unknown-class",
        "The model has no such class",
        "CLASS takes the name or the number of a class that the model tells apart.",
        "Write one of the classes in the message; numbers count from 0.",
        "ATTRIBUTE CLASS 'bot' OF labnet ON lab.probe[0:5]",
        "ATTRIBUTE CLASS 'boat' OF labnet ON lab.probe[0:5]",
    ),
    Page(
        "unknown-synset",
        "WordNet has no such synset",
        "A synset is a word, its part of speech and a number, as WordNet counts its meanings: 'bird.n.01'.",
        "Write a synset that exists; for a word or phrase as it stands write TEXT.",
        "LOCATE SYNSET 'bird' ON lab.probe",
        "LOCATE SYNSET 'bird.n.01' ON lab.probe",
    ),
    # ---------------------------------------------------------------- remarks, which stop nothing
    Page(
        "unused-name",
        "Nothing uses a name",
        "LET or PARAM gives a name that no later statement reads: often a misspelt name elsewhere.",
        "Use it or take it out. A file that only gives names, to be imported, is not reported.",
        "LET few = lab.probe[0:9]; EXPLAIN fc OF labnet",
        "LET few = lab.probe[0:9]; EXPLAIN fc OF labnet ON few",
    ),
    Page(
        "shadowed-name",
        "A name hides another one",
        "LET gives a name that clq has already, or one that was made before and never used. The new one counts from "
        "here on.",
        "Choose another name.",
        "LET labnet = torchvision('resnet18', weights=random); SHOW LAYERS OF labnet",
        "LET net = torchvision('resnet18', weights=random); SHOW LAYERS OF net",
    ),
    Page(
        "limit-rows",
        "LIMIT counts rows, not ranks",
        "LIMIT acts on the whole answer, as in SQL. For the best few concepts of each unit, rank is the column to ask.",
        "WHERE rank <= 5 keeps five concepts of each unit.",
        "EXPLAIN layer4 OF labnet LIMIT 5",
        "EXPLAIN layer4 OF labnet WHERE rank <= 5",
    ),
    Page(
        "rank-not-kept",
        "WHERE asks for ranks that the method does not keep",
        "A method keeps its argument `top` concepts for each target; WHERE cannot bring back further ones.",
        "Give the method a larger top.",
        "EXPLAIN layer4 OF labnet WHERE rank <= 10",
        "EXPLAIN layer4 OF labnet USING clip_dissect(top=10) WHERE rank <= 10",
    ),
    Page(
        "not-imported",
        "IMPORT passed statements over",
        "IMPORT takes the names that a file makes: LET, PARAM, SET, DEFINE and its own imports. Its queries and SQL "
        "are not run.",
        "Put shared names into a file of their own, or run that file before.",
        "IMPORT 'queries.clq'; EXPLAIN fc OF labnet ON few",
        "IMPORT 'names.clq'; EXPLAIN fc OF labnet ON few",
    ),
    # ---------------------------------------------------------------- in the world
    Page(
        "no-evidence",
        "An answer keeps no evidence",
        "EVIDENCE shows the images, crops and captions behind an answer. Only answers of EXPLAIN keep them, and a "
        "table only as long as its table of evidence is there.",
        "Ask for the evidence of the EXPLAIN itself: EVIDENCE (EXPLAIN …), or run it again with INTO.",
        "EVIDENCE (EMBED lab.probe JUDGED BY labclip)",
        "EVIDENCE (EXPLAIN fc OF labnet)",
    ),
    Page(
        "unread-file",
        "A file cannot be read",
        "The file or folder is not there, may not be read, or is of no kind that clq reads. Paths are "
        "relative to the folder "
        "that clq was started in.",
        "Correct the path or the permissions.",
        "EXPLAIN fc OF labnet WITH 'gone.txt'",
        "EXPLAIN fc OF labnet WITH 'words.txt'",
    ),
    Page(
        "file-format",
        "A file is not in the format that was expected",
        "The file was read, but what is in it is not what its suffix or function promises.",
        "Use the function for what the file is, or convert it.",
        "LET pictures = arrays('words.txt'); SELECT count(*) FROM pictures",
        "LET pictures = folder('photos/'); SELECT count(*) FROM pictures",
    ),
    Page(
        "empty-data",
        "Nothing is left to work on",
        "A folder without images, a file without words, a list of none, or a query without rows was named as input.",
        "Look at the input; for a query, run it alone.",
        "EXPLAIN fc OF labnet WITH []",
        "EXPLAIN fc OF labnet WITH ['boat', 'car']",
    ),
    Page(
        "missing-folder",
        "A folder is not there",
        "Something was to be read from or written into a folder that does not exist.",
        "Correct the path, or make the folder.",
        "EXPLAIN fc OF labnet INTO 'nowhere/rows.csv'",
        "EXPLAIN fc OF labnet INTO 'rows.csv'",
    ),
    Page(
        "missing-weights",
        "A model's weights are not on this machine",
        "The model is known but its weights were not found, and could not be fetched. Nothing silently becomes random.",
        "Name a file with the weights, ask for random ones (weights=random), or use a model of the lab.",
        "LET net = checkpoint('gone.pth', architecture=resnet18, preprocess=imagenet); SHOW LAYERS OF net",
        "LET net = torchvision('resnet18', weights=random); SHOW LAYERS OF net",
    ),
    Page(
        "unreadable-image",
        "An image cannot be decoded",
        "The file is damaged, cut off, or no image.",
        "Repair or remove the file that the message names; what was computed before is kept. Or SET on_error = 'skip': "
        "the answer is then that of the images that can be read, and says which were left out.",
    ),
    Page(
        "layer-shape",
        "A layer's output has a shape that cannot be read as units",
        "Units are read from outputs [N C], [N C H W] or [N T C]: images, channels or tokens, places.",
        "Name another layer (SHOW LAYERS OF the model) or a sub-layer.",
    ),
    Page(
        "not-finite",
        "A network gives NaN or infinity on an input",
        "A unit, an image or a text cannot be compared by what is no number. The message names the layer or judge and "
        "the first image or text; nothing of its shard has been stored.",
        "Check the weights and the preprocessing; in half precision SET precision = 'float32'. Or leave the input out.",
    ),
    Page(
        "forward-failed",
        "A network cannot be run on the images",
        "The model itself raised an error on its first batch, such as for another number of channels or another size.",
        "Have the images prepared as the model takes them, by the Preprocess or the function it was registered with.",
    ),
    Page(
        "no-gradient",
        "A method needs gradients that this model or layer does not give",
        "The output of the layer does not depend on the input by differentiable steps.",
        "Use a method without gradients, or a crop that needs none (crop=none for falcon).",
    ),
    Page(
        "store-unwritable",
        "The store cannot be written",
        "The folder of the store, or the database in it, may not be written, or is on a disk that is read-only.",
        "Name another with --store or CLQ_STORE, or change the permissions.",
    ),
    Page(
        "store-unreadable",
        "A file of the store cannot be read",
        "It is there, but may not be read, or not now; so it was not taken for damaged, and nothing was changed.",
        "Mend the permissions of the store's files, or name another store with --store or CLQ_STORE.",
    ),
    Page(
        "store-unreachable",
        "The place that machines share their store at cannot be used",
        "A store at a URL (s3://bucket/folder) is asked for what others have computed. It does not answer, there is no "
        "such bucket, whoever you are there may not read or write, or the package for it is not installed. Before "
        "anything is computed this ends the run; later the run goes on, its tables are made, and exit code 1 says that "
        "not all of it was uploaded.",
        "Check the name; the address of the server ($AWS_ENDPOINT_URL for one that is not Amazon's), the credentials "
        "($AWS_ACCESS_KEY_ID and so on, ~/.aws, or ~/.config/fsspec); the packages (pip install 'clq[remote]'). What "
        "was computed is in the cache, whose folder the message names: --store with that folder works without the URL, "
        "and the next run with the URL uploads what is lacking. CLQ_UPLOAD=no is for those who may only read.",
    ),
    Page(
        "store-newer",
        "The store was made by a later clq",
        "A later version keeps its results in another form, which this one would take for damage.",
        "Use that version, or name another store with --store or CLQ_STORE.",
    ),
    Page(
        "store-busy",
        "Another program is writing the database",
        "A DuckDB client has clq.duckdb open for writing. Readers do not disturb.",
        "Close that client, or open the file read-only in it, and run again: what was computed is in the store.",
    ),
    Page(
        "table-exists",
        "A table of this name is yours",
        "INTO replaces tables that queries of clq have made, and no others.",
        "Choose another name after INTO, or drop the table.",
        "CREATE TABLE t AS SELECT 1 AS x; EXPLAIN fc OF labnet INTO t",
        "CREATE TABLE t AS SELECT 1 AS x; EXPLAIN fc OF labnet INTO named",
    ),
    Page(
        "damaged-artifact",
        "A stored result is damaged",
        "Its checksum is not that of its contents, so it is not used. What can be computed again is set aside.",
        "If it is clq.duckdb, clq cache rebuild makes it from the Parquet files beside it. Look at the disk if this "
        "comes back.",
    ),
    Page(
        "unwritten-file",
        "A file cannot be written",
        "INTO 'file', clq plan --out, clq docs or clq fmt could not write where it was asked to.",
        "Name a file in a folder that exists and is yours.",
    ),
    Page(
        "disk-full",
        "The disk is full",
        "A result could not be written. What was finished is kept, and no half-written file is left behind.",
        "Free space or name a store on another disk with --store, and run again: it goes on where it stopped.",
    ),
    Page(
        "out-of-memory",
        "Memory ran out",
        "A batch or a table did not fit into the memory of the machine or of its accelerator.",
        "Run again with a smaller batch, fewer layers at once, or --device cpu. What was finished is kept.",
    ),
    Page(
        "no-workers",
        "There is nobody to compute",
        "SET backend = 'dask' needs the package distributed, and an address a scheduler of dask that answers and has "
        "workers. Or workers have died three times over the same work, as they do when memory runs out.",
        "Install clq[dask], correct the address, use fewer workers or a smaller batch, or SET backend = 'inline'.",
    ),
    Page(
        "interrupted",
        "The run was interrupted",
        "Ctrl-C, or a signal, stopped it. What was finished is in the store.",
        "Run again: it goes on where it stopped.",
    ),
    Page(
        "bug",
        "clq has a mistake",
        "Something happened that clq's authors did not foresee. It is not your query's fault.",
        "Report the message with the query; the store is intact.",
    ),
)

PAGES: Mapping[str, Page] = MappingProxyType({p.code: p for p in _ALL})


def explain(code: str) -> str:
    """The page of a code, for `clq help CODE`. Raises Diagnostic for a code that does not exist."""
    page = PAGES.get(code.strip().lower())
    if page is None:
        near = did_you_mean(code, PAGES) or f" Codes: {listing(PAGES, len(PAGES))}"
        raise Diagnostic("unknown-name", f"There is no code {code}.{near}")
    parts = [f"{page.code}: {page.title}", fill(page.meaning, 88), fill(page.remedy, 88)]
    if page.wrong and page.right:
        parts.append(f"  wrong  {page.wrong}\n  right  {page.right}")
    return "\n\n".join(parts)


def overview() -> str:
    """Every code with its title, for `clq help`, and how an error is read."""
    wide = max(map(len, PAGES)) + 2
    about = (
        "An error names its code in brackets, error[unknown-layer], and then the place in your text with carets "
        "under it; lines after = say what exists and what to write. clq help CODE prints the page of a code, with a "
        "wrong and a right example. The exit code is 2 if nothing has run, 1 if it was found while running."
    )
    return "\n".join([fill(about, 88), "", *(f"{page.code:<{wide}}{page.title}" for page in PAGES.values())])
