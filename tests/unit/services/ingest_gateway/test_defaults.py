from typing import Any

import pytest

from services.ingest_gateway.defaults import as_sent
from services.ingest_gateway.schema import Array, Field, Leaf, MapOf, Node, Record, Union

BYTES = Leaf("bytes")


@pytest.mark.parametrize(
    ("node", "default", "sent"),
    [
        (BYTES, "\u00ff", "/w=="),
        (Leaf("bytes", "decimal", 0, 4, 2), "\u00ff", "-1e-2"),
        (Leaf("fixed", "uuid", 16), "\u0012" * 16, "12121212-1212-1212-1212-121212121212"),
        (Array(BYTES), ["a"], ["YQ=="]),
        (MapOf(BYTES), {"k": "a"}, {"k": "YQ=="}),
        (
            Record("R", (Field("b", BYTES), Field("s", Leaf("string")))),
            {"b": "a", "s": "a"},
            {"b": "YQ==", "s": "a"},
        ),
        (Union((Leaf("null"), BYTES)), "a", "YQ=="),
        (Union((Leaf("string"), BYTES)), "a", "a"),
        (Leaf("long"), 5, 5),
    ],
)
def test_a_default_is_written_as_a_producer_would_send_it(node: Node, default: Any, sent: Any) -> None:
    assert as_sent(node, default) == sent
