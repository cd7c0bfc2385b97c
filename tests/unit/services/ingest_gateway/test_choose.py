from typing import Any

import pytest

from services.ingest_gateway.choose import branch_of_object, misfits, takes_kind
from services.ingest_gateway.schema import Enum, Field, Leaf, MapOf, Node, Record, Union

INT = Leaf("int")
A = Record("A", (Field("x", INT), Field("y", INT, 0)))
B = Record("B", (Field("x", INT), Field("z", INT)))
MAP = MapOf(INT)


@pytest.mark.parametrize(
    ("branches", "value", "index"),
    [
        ((Leaf("null"), A, B), {"x": 1}, 1),
        ((Leaf("null"), A, B), {"x": 1, "z": 2}, 2),
        ((A, MAP), {"other": 1}, 1),
        ((A, B), {"x": 1, "z": 2, "q": 3}, 1),
        ((A, B), {}, 0),
        ((Leaf("null"), INT), {}, None),
    ],
)
def test_an_object_goes_where_its_names_fit_best(branches: Any, value: Any, index: int | None) -> None:
    assert branch_of_object(branches, value) == index


def test_missing_and_unknown_fields_are_counted() -> None:
    assert misfits(B, {"x": 1, "q": 1, "r": 1}) == 3


@pytest.mark.parametrize(
    ("node", "fits"),
    [
        (Leaf("null"), [None]), (Leaf("boolean"), [True]), (Leaf("int"), [1, 1.5]), (Leaf("string"), ["a"]),
        (Enum("E", ("A",)), ["a"]), (Leaf("bytes", "decimal"), ["a", 1, 1.5]),
        (Leaf("long", "date"), ["a", 1, 1.5]),
        (MAP, [{}]), (A, [{}]), (Union((INT, MAP)), [1, 1.5, {}]),
    ],
)  # fmt: skip
def test_a_type_takes_some_kinds_of_json(node: Node, fits: list[Any]) -> None:
    values: list[Any] = [None, True, 1, 1.5, "a", [], {}]
    for value in values:
        assert takes_kind(node, value) == any(type(value) is type(fit) and value == fit for fit in fits)
