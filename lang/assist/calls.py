"""The call around a spot: which function, which arguments it has, which of them is being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..bind import EACH
from ..declare import Names, Parameter, Signature
from ..failure import Failure, Terminal
from ..scan import CLOSE, OPEN
from .spot import Spot


@dataclass(frozen=True)
class CallAt:
    """`signature` is None for a function that is not known and for a defined query, whose arguments are `formals`.

    `given` are the arguments written elsewhere in the call; `argument` that whose value is being written; `begins` says
    whether an argument begins at the spot, which without a name would be `positional`.
    """

    name: str
    signature: Signature | None
    formals: tuple[str, ...]
    given: frozenset[str]
    argument: Parameter | None
    begins: bool
    positional: Parameter | None
    is_method: bool
    in_each: bool = False


def call_at(spot: Spot, names: Names, depth: int = -1) -> CallAt | None:
    """The innermost call of the bracket at this depth of `read.frames`; lists and each(…) belong to their argument."""
    read = spot.read
    if read is None:
        return None
    depth %= len(read.frames)
    frame = read.frames[depth]
    if frame.opener is None or frame.verb is not None:
        return None
    at = read.fed.index(frame.opener)
    inner = read.fed[at + 1 :]
    if not frame.called or read.fed[at - 1].text.lower() == EACH:
        # In a list, or in each(…): a value of the argument outside.
        return _value_outside(spot, names, depth) if frame.opener.kind == "LSQB" or frame.called else None
    name = read.fed[at - 1].text
    signature, is_method = signature_of(name, read, depth, names)
    definition = names.definition(name.lower())
    formals = tuple(f for f, _ in definition.statement.formals) if definition is not None and signature is None else ()
    before = _arguments(inner)
    current = before[-1]
    named = {a[0].text for a in before if _is_named(a)}
    if depth == len(read.frames) - 1:
        named |= _named_later(spot)
    known = {p.name.lower(): p for p in signature.parameters} if signature is not None else {}
    written = known.get(current[0].text.lower()) if _is_named(current) else None
    if written is None and signature is not None and current and not _is_named(current):
        positional = len(before) - 1
        written = signature.parameters[positional] if positional < len(signature.parameters) else None
    taken = {p.name for p in known.values() if p.name.lower() in {n.lower() for n in named}}
    unnamed = sum(1 for a in before[:-1] if a and not _is_named(a))
    parameters = signature.parameters if signature is not None else ()
    taken |= {p.name for p in parameters[:unnamed]}
    next_one = parameters[unnamed] if not current and unnamed == len(before) - 1 and unnamed < len(parameters) else None
    given = frozenset(taken | (named & set(formals)))
    return CallAt(name, signature, formals, given, written, not current, next_one, is_method)


def _value_outside(spot: Spot, names: Names, depth: int) -> CallAt | None:
    if depth == 0 or spot.read is None:
        return None
    found = call_at(spot, names, depth - 1)
    return replace(found, in_each=True) if found is not None and spot.read.frames[depth].called else found


def signature_of(name: str, read: Failure, depth: int, names: Names) -> tuple[Signature | None, bool]:
    """The declaration behind a call in the bracket at `depth`, and whether it is a method's."""
    outer = read.frames[depth - 1] if depth > 0 else None
    if outer is not None and not outer.called and outer.clause is not None and outer.clause.kind == "USING":
        verb = outer.verb_data()
        every = [*names.methods(verb.name if verb else None), *names.methods()]
        return next((m for m in every if m.name == name), None), True
    return next((c for c in names.constructors() if c.name == name), None), False


def _arguments(inner: Sequence[Terminal]) -> list[list[Terminal]]:
    """The terminals of each argument; the last is the one that is being written."""
    out: list[list[Terminal]] = [[]]
    depth = 0
    for terminal in inner:
        depth += (terminal.kind in {"LPAR", "LSQB"}) - (terminal.kind in {"RPAR", "RSQB"})
        if terminal.kind == "COMMA" and depth == 0:
            out.append([])
        else:
            out[-1].append(terminal)
    return out


def _is_named(argument: Sequence[Terminal]) -> bool:
    return len(argument) > 1 and argument[1].kind == "EQUAL"


def _named_later(spot: Spot) -> set[str]:
    """Arguments that the call has after the spot."""
    found, depth = set(), 0
    for token, after in zip(spot.later, spot.later[1:], strict=False):
        depth += (token.up in OPEN) - (token.up in CLOSE)
        if depth < 0:
            break
        if depth == 0 and token.kind == "word" and after.up == "=":
            found.add(token.text)
    return found
