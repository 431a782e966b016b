"""A result as small HTML for notebooks: no script, no colours of its own, pictures inside, bounded in size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .pictures import Pictures, Unseen, crop, data_uri, overlay, picture, thumbnail
from .render import MOST_ROWS, cell, is_number, split

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from PIL.Image import Image

    from .pictures import Box
    from .results import Result

    Row = dict[str, Any]

LARGEST = 160_000  # bytes of one display, about
LONGEST_CELL = 300
MOST_COLUMNS = 40
MOST_EVIDENCE = 4
EVIDENCE_SIDE = 48
BOX = ("x0", "y0", "x1", "y1")
NULL = '<span class="o">NULL</span>'
_PICTURE = re.compile("<img [^>]*>")

# Greys that are half transparent and inherited text: right on white and on black.
STYLE = """<style>
.clq{overflow-x:auto;margin:.2em 0}
.clq table{border-collapse:collapse;border:0;margin:.4em 0;font-variant-numeric:tabular-nums}
.clq th,.clq td{padding:.25em .9em .25em 0;border:0;text-align:left;vertical-align:middle;background:none}
.clq tr{background:none!important}
.clq td[rowspan]{vertical-align:top}
.clq th{border-bottom:1px solid rgba(128,128,128,.6);font-weight:600}
.clq td{border-bottom:1px solid rgba(128,128,128,.2);max-width:40em;overflow-wrap:anywhere}
.clq .n{text-align:right}
.clq .o,.clq .f{opacity:.6}
.clq .f{font-size:90%}
.clq img{display:inline-block;border-radius:3px;margin:1px 3px 1px 0;vertical-align:middle;max-width:none}
.clq .x{display:inline-block;width:60px;max-height:60px;overflow:hidden;border:1px dashed rgba(128,128,128,.6);
border-radius:3px;padding:1px;font-size:9px;line-height:1.1;overflow-wrap:anywhere}
.clq pre{margin:.4em 0;white-space:pre;overflow-x:auto;background:none}
</style>"""



@dataclass
class _Room:
    """Bytes left for one display: for text, and for pictures, of which `lost` had no room."""

    text: int
    pictures: int
    lost: int = 0

    def share(self, parts: int) -> _Room:
        return _Room(self.text // parts, self.pictures // parts)

    def less(self, given: _Room, left: _Room) -> None:
        self.text -= given.text - left.text
        self.pictures -= given.pictures - left.pictures

    def write(self, text: str) -> bool:
        """Whether there is room for a text, which is then taken."""
        size = len(text.encode())
        fits = size <= self.text
        self.text -= size if fits else 0
        return fits

    def must_write(self, text: str) -> str:
        """A text that stands there whatever room is left."""
        self.text -= len(text.encode())
        return text

    def show(self, image: Image, title: str) -> str:
        """The picture as an element, or nothing where there is no room."""
        if self.pictures <= 0:
            self.lost += 1
            return ""
        said = escape(_short(title), quote=True)
        size = f'width="{image.width}" height="{image.height}"'
        element = f'<img src="{data_uri(image)}" {size} title="{said}" alt="{said}">'
        self.pictures -= len(element)
        return element


def html_of(results: Sequence[Result], most: int = MOST_ROWS, largest: int = LARGEST) -> str:
    """Results one under another, together no larger than `largest` and a little. What one leaves is the next one's."""
    shown = [r for r in results if r.rows.num_columns or r.text]
    parts, room = [STYLE], _Room(largest // 4, largest - largest // 4)
    for number, result in enumerate(shown):
        if room.text < 400:
            parts.append(f'<div class="clq"><div class="f">… {len(shown) - number} more results</div></div>')
            break
        given = room.share(len(shown) - number)
        left = replace(given)
        body = _text(result.text, left) if result.text else _table(result, most, left)
        foot = left.must_write(_foot(result, left.lost))
        parts.append(f'<div class="clq">{body}{foot}</div>')
        room.less(given, left)
    return "\n".join(parts)


def _text(text: str, room: _Room) -> str:
    kept = escape(text)
    while len(kept.encode()) > room.text:
        text = text[: min(len(text) - 1, len(text) * room.text // len(kept.encode()))]
        kept = escape(text) + "\n…"
    room.write(kept)
    return f"<pre>{kept}</pre>"


def _foot(result: Result, lost: int) -> str:
    lines = [f"note: {remark}" for remark in result.remarks[:20]]
    if lost:
        lines.append(f"note: {lost} more pictures are not shown: a display stays small")
    if result.table:
        also = f", evidence in {result.evidence}" if result.evidence else ""
        lines.append(f"table {result.table}: {len(result):,} rows{also}")
    return "".join(f'<div class="f">{escape(_short(line))}</div>' for line in lines)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"


@dataclass(frozen=True)
class _Column:
    """A heading and what stands below it, as HTML; `spans` [rows] says over how many rows each cell goes, 0: none."""

    heading: str
    body: Callable[[Row], str]
    number: bool = False
    spans: Sequence[int] | None = None

    def cell(self, index: int, row: Row) -> str:
        span = 1 if self.spans is None else self.spans[index]
        if not span:
            return ""
        over = f' rowspan="{span}"' if span > 1 else ""
        return f"<td{self.style}{over}>{self.body(row)}</td>"

    @property
    def style(self) -> str:
        return ' class="n"' if self.number else ""


def _table(result: Result, most: int, room: _Room) -> str:
    rows = result.rows
    constant, names = split(rows)
    head = rows.slice(0, most)
    every = list(_columns(rows, names, result, head, room))
    columns = every[:MOST_COLUMNS]
    out = []
    if constant:
        facts = [f"{escape(c)}: <b>{escape(_short(v))}</b>" for c, v in constant]
        out.append(room.must_write(f"<div>{' &nbsp; '.join(facts)}</div>"))
    headings = "".join(f"<th{c.style}>{escape(_short(c.heading))}</th>" for c in columns)
    out.append(room.must_write(f"<table><thead><tr>{headings}</tr></thead><tbody>"))
    count = 0
    for count, row in enumerate(head.to_pylist(), 1):
        line = f"<tr>{''.join(c.cell(count - 1, row) for c in columns)}</tr>"
        if not room.write(_PICTURE.sub("", line)):
            count -= 1
            break
        out.append(line)
    out.append("</tbody></table>")
    if not len(rows):
        out.append('<div class="o">no rows</div>')
    if len(rows) > count:
        out.append(f'<div class="o">… {len(rows) - count:,} more rows</div>')
    if len(every) > MOST_COLUMNS:
        out.append(f'<div class="o">… {len(every) - MOST_COLUMNS:,} more columns</div>')
    return "".join(out)


def _columns(rows: pa.Table, names: Sequence[str], result: Result, head: pa.Table, room: _Room) -> Iterator[_Column]:
    """The columns that say anything; those that hold or name pictures become pictures."""
    look, there = result.pictures, set(rows.column_names)
    named = look is not None and {"dataset", "image"} <= there
    mapped = {"map", "height", "width"} <= there and "map" in names
    boxed = named and set(BOX) <= set(names)
    shown = _Shown(look if named else None, boxed, room)
    drawn = {"picture"} | ({"map", "height", "width"} if mapped else set()) | (set(BOX) if boxed else set())
    for name in names:
        if name == "image" and named:
            yield _Column("", shown.image)
        if name not in drawn:
            yield _Column(name, _value_of(name), is_number(rows, name))
        elif name == "map":
            yield _Column("map", shown.map)
        elif name == "picture":
            yield _Column("picture", shown.picture)
    if result.evidence and look is not None and "target" in there and not named:
        targets = head["target"].to_pylist()
        yield _Column("images", _evidence_of(look, result.evidence, targets, room), spans=_spans(targets))


def _spans(values: Sequence[Any]) -> list[int]:
    """For each value how many equal ones stand from it on; 0 for those that another one has counted."""
    return [span for _, group in groupby(values) for n in [len(list(group))] for span in [n, *([0] * (n - 1))]]


def _value_of(name: str) -> Callable[[Row], str]:
    def body(row: Row) -> str:
        value = row[name]
        return NULL if value is None else escape(_short(cell(value)))

    return body


def _unseen(reason: Unseen) -> str:
    text = escape(_short(str(reason)), quote=True)
    return f'<span class="x" title="{text}">{text}</span>'


def _box_of(row: Row) -> Box | None:
    x0, y0, x1, y1 = (row.get(name) for name in BOX)
    if not (isinstance(x0, int) and isinstance(y0, int) and isinstance(x1, int) and isinstance(y1, int)):
        return None
    return x0, y0, x1, y1


@dataclass(frozen=True)
class _Shown:
    """Cells that show the picture which a row names or holds; `look` is None where rows name no image."""

    look: Pictures | None
    boxed: bool
    room: _Room

    def _pixels(self, row: Row) -> np.ndarray | None:
        if self.look is None or row["dataset"] is None or row["image"] is None:
            return None
        return self.look.read(str(row["dataset"]), str(row["image"]))

    def image(self, row: Row) -> str:
        """The image, and with a box the box on it and its crop."""
        try:
            pixels, box = self._pixels(row), _box_of(row) if self.boxed else None
            if pixels is None:
                return NULL
            name = f"{row['image']} of {row['dataset']}"
            if box is None:
                return self.room.show(thumbnail(pixels), name)
            part = crop(pixels, box)
            title = f"box {list(box)} of {name}"
            return self.room.show(thumbnail(pixels, box), title) + self.room.show(part, title)
        except Unseen as reason:
            return _unseen(reason)

    def map(self, row: Row) -> str:
        """The map over its image; over grey if that cannot be read, which the image's own cell says."""
        if row["map"] is None:
            return NULL
        try:
            pixels = self._pixels(row)
        except Unseen:
            pixels = None
        height, width = int(row["height"] or 0), int(row["width"] or 0)
        try:
            return self.room.show(overlay(pixels, row["map"], height, width), f"map of {height} × {width}")
        except Unseen as reason:
            return _unseen(reason)

    def picture(self, row: Row) -> str:
        if row["picture"] is None:
            return NULL
        try:
            return self.room.show(picture(row["picture"]), "picture")
        except Unseen as reason:
            return _unseen(reason)


def _evidence_of(look: Pictures, table: str, targets: Sequence[Any], room: _Room) -> Callable[[Row], str]:
    """The images that stand behind the target of a row."""
    try:
        found = look.evidence(table, list({t for t in targets if t is not None})).to_pylist()
    except Unseen as reason:
        said = _unseen(reason)
        return lambda row: said
    behind: dict[Any, list[Row]] = {}
    for one in found:
        behind.setdefault(one["target"], []).append(one)
    return lambda row: "".join(_behind(look, one, room) for one in behind.get(row["target"], [])[:MOST_EVIDENCE])


def _behind(look: Pictures, row: Row, room: _Room) -> str:
    try:
        pixels, box = look.read(str(row["dataset"]), str(row["image"])), _box_of(row)
        small = thumbnail(pixels, side=EVIDENCE_SIDE) if box is None else crop(pixels, box, EVIDENCE_SIDE)
    except Unseen as reason:
        return _unseen(reason)
    said = [f"{row['image']} of {row['dataset']}"]
    if row.get("activation") is not None:
        said.append(f"activation {row['activation']:.4g}")
    if row.get("caption"):
        said.append(str(row["caption"]))
    return room.show(small, ", ".join(said))
