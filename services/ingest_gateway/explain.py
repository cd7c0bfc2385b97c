"""Find every fault of a value that an encoder refused: the slow, exact path behind a pointed error."""

from difflib import get_close_matches
from typing import Final

from services.ingest_gateway import leaves
from services.ingest_gateway.choose import branch_of_object, takes_kind
from services.ingest_gateway.encode import MAX_DEPTH
from services.ingest_gateway.errors import FieldError, MisfitError
from services.ingest_gateway.schema import MISSING, Array, Enum, Leaf, MapOf, Missing, Node, Record, Union

MAX_ERRORS: Final = 100
"""Faults reported per record; a record of a million bad items must not make an answer of that size."""

_SHOWN: Final = 60
_NAMES: Final = {
    "date": "ISO date or days since 1970",
    "time-millis": "ISO time or milliseconds since midnight",
    "time-micros": "ISO time or microseconds since midnight",
    "timestamp-millis": "ISO timestamp with a zone or epoch milliseconds",
    "timestamp-micros": "ISO timestamp with a zone or epoch microseconds",
    "local-timestamp-millis": "ISO timestamp without a zone or milliseconds",
    "local-timestamp-micros": "ISO timestamp without a zone or microseconds",
}


def explain(node: Node, value: object) -> list[FieldError]:
    """Return all faults of a JSON value, in the order of the value, at most MAX_ERRORS; none if it fits."""
    errors: list[FieldError] = []
    _walk(node, value, "", 0, errors)
    return errors


def describe(node: Node) -> str:
    """Say what a type asks for, as text that follows "expected"."""
    match node:
        case Record():
            text = f"object ({node.name})"
        case Enum():
            text = f"one of {', '.join(node.symbols)}"
        case Array():
            text = f"array of {describe(node.items)}"
        case MapOf():
            text = f"object with values of {describe(node.values)}"
        case Union():
            text = " or ".join(describe(branch) for branch in node.branches)
        case Leaf():
            text = _describe_leaf(node)
    return text


def _describe_leaf(node: Leaf) -> str:
    if node.logical == "decimal":
        return f"decimal({node.precision},{node.scale})"
    if node.logical is not None:
        return f"{node.kind} ({_NAMES[node.logical]})" if node.logical in _NAMES else node.logical
    return {"bytes": "base64 text", "fixed": f"base64 text of {node.size} bytes"}.get(node.kind, node.kind)


def got(value: object) -> str:
    """Show a value as text that follows "got": its kind and, cut to a bound, what it was."""
    match value:
        case Missing():
            text = "nothing"
        case None:
            text = "null"
        case bool():
            text = f"boolean {str(value).lower()}"
        case int() | float():
            text = f"number {cut(repr(value))}"
        case str():
            text = f'string "{cut(value)}"'
        case list():
            text = f"array of {len(value)} item{'' if len(value) == 1 else 's'}"
        case dict():
            text = f"object of {len(value)} field{'' if len(value) == 1 else 's'}"
        case _:
            text = type(value).__name__
    return text


def child(pointer: str, token: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of a member of what `pointer` names."""
    return f"{pointer}/{str(token).replace('~', '~0').replace('/', '~1')}"


def cut(text: str) -> str:
    """Return text that came from a client, cut to a bound and fit to be answered."""
    # A lone surrogate could not be answered as UTF-8.
    shown = text[:_SHOWN].encode("utf-8", "backslashreplace").decode()
    return shown if len(text) <= _SHOWN else f"{shown}…"


def _walk(node: Node, value: object, pointer: str, depth: int, errors: list[FieldError]) -> None:
    if len(errors) >= MAX_ERRORS:
        return
    if isinstance(node, Record):
        _record(node, value, pointer, depth, errors)
    elif isinstance(node, Union):
        _union(node, value, pointer, depth, errors)
    elif isinstance(node, Array) and isinstance(value, list):
        for index, item in enumerate(value):
            _walk(node.items, item, child(pointer, index), depth, errors)
    elif isinstance(node, MapOf) and isinstance(value, dict):
        for key, item in value.items():
            _key(key, pointer, errors)
            _walk(node.values, item, child(pointer, key), depth, errors)
    elif isinstance(node, Leaf | Enum):
        rule = _broken_rule(node, value)
        if rule is not None:
            errors.append(_fault(pointer, node, value, rule))
    else:
        errors.append(_fault(pointer, node, value))


def _record(node: Record, value: object, pointer: str, depth: int, errors: list[FieldError]) -> None:
    if not isinstance(value, dict):
        errors.append(_fault(pointer, node, value))
        return
    if depth >= MAX_DEPTH:
        errors.append(_fault(pointer, node, value, f"at most {MAX_DEPTH} nested objects"))
        return
    for field in node.fields:
        if field.name in value:
            _walk(field.type, value[field.name], child(pointer, field.name), depth + 1, errors)
        elif field.default is MISSING and len(errors) < MAX_ERRORS:
            errors.append(_fault(child(pointer, field.name), field.type, MISSING))
    names = node.names()
    for key in value:
        if key not in names and len(errors) < MAX_ERRORS:
            near = get_close_matches(key[:_SHOWN], names, n=1)
            hint = f"no such field, did you mean {near[0]}?" if near else "no such field"
            errors.append(FieldError(_safe(child(pointer, key)), hint, got(value[key])))


def _union(node: Union, value: object, pointer: str, depth: int, errors: list[FieldError]) -> None:
    if isinstance(value, dict):
        index = branch_of_object(node.branches, value)
        if index is None:
            errors.append(_fault(pointer, node, value))
        else:
            _walk(node.branches[index], value, pointer, depth, errors)
        return
    candidates = [branch for branch in node.branches if takes_kind(branch, value)]
    if len(candidates) == 1 and isinstance(candidates[0], Array):
        _walk(candidates[0], value, pointer, depth, errors)
        return
    rules = [_broken_rule(branch, value) for branch in candidates if isinstance(branch, Leaf | Enum)]
    if None not in rules:
        errors.append(_fault(pointer, node, value, (rules[0] or "") if len(rules) == 1 else ""))


def _broken_rule(node: Leaf | Enum, value: object) -> str | None:
    """Return None when a leaf takes the value, else the rule it breaks or empty text."""
    try:
        leaves.encoder_of(node)(value)
    except MisfitError as error:
        return error.rule
    return None


def _key(key: str, pointer: str, errors: list[FieldError]) -> None:
    rule = _broken_rule(Leaf("string"), key)
    if rule is not None and len(errors) < MAX_ERRORS:
        errors.append(FieldError(_safe(child(pointer, key)), f"string: {rule}", got(key)))


def _fault(pointer: str, node: Node, value: object, rule: str = "") -> FieldError:
    expected = f"{describe(node)}: {rule}" if rule else describe(node)
    return FieldError(_safe(pointer), expected, got(value))


def _safe(pointer: str) -> str:
    return pointer.encode("utf-8", "backslashreplace").decode()
