import pytest

from services.ingest_gateway.errors import UNKNOWN_TOPIC, UNUSABLE_SCHEMA, BadSchemaError, RefusedError
from services.ingest_gateway.route import Route, RouteTable, near_names, route_of
from tests.unit.services.ingest_gateway.world import GOOD, NOW, ORDER_SCHEMA, orders


def route(namespace: str = "") -> Route:
    return route_of(orders(), 7, namespace)


def test_a_route_is_made_from_the_catalogue_alone() -> None:
    made = route("replay1")
    assert (made.topic, made.kafka_topic) == ("shop.orders.v1", "replay1.shop.orders.v1")
    assert (made.key_field, made.id_field, made.time_field) == ("buyer", "order_id", "at")
    assert made.has_tenant
    assert made.keep_rejects
    assert made.encode(GOOD)[:5] == b"\0\0\0\0\7"


def test_rejects_are_dropped_when_the_topic_file_says_so() -> None:
    assert not route_of(orders(rejects="drop"), 7, "").keep_rejects


@pytest.mark.parametrize(
    ("logical", "sent", "ms"),
    [
        ("timestamp-millis", NOW, NOW),
        ("timestamp-micros", NOW * 1000 + 999, NOW),
        (None, NOW, NOW),
        ("timestamp-millis", "1970-01-01T00:00:01.5Z", 1500),
        ("timestamp-micros", "1970-01-01T00:00:01.5Z", 1500),
    ],
)
def test_the_event_time_is_read_in_its_own_unit(logical: str | None, sent: int | str, ms: int) -> None:
    type_ = "long" if logical is None else {"type": "long", "logicalType": logical}
    schema = {**ORDER_SCHEMA, "fields": [*ORDER_SCHEMA["fields"][:-1], {"name": "at", "type": type_}]}
    assert route_of(orders(schema), 7, "").event_ms(sent) == ms


@pytest.mark.parametrize("role", ["key", "event_time", "event_id"])
def test_a_field_that_the_schema_does_not_have_is_named(role: str) -> None:
    with pytest.raises(BadSchemaError, match=f"no field 'absent', its {role}"):
        route_of(orders(ORDER_SCHEMA, 7, **{role: "absent"}), 7, "")


def test_a_schema_that_is_no_record_is_refused() -> None:
    with pytest.raises(BadSchemaError, match="no record"):
        route_of(orders("string"), 7, "")


def test_an_unknown_topic_is_answered_with_near_names() -> None:
    table = RouteTable({"shop.orders.v1": route()}, {})
    with pytest.raises(RefusedError) as refused:
        table.find("shop.order.v1")
    assert refused.value.kind is UNKNOWN_TOPIC
    assert refused.value.hint == "Did you mean shop.orders.v1?"
    with pytest.raises(RefusedError, match="No topic") as far:
        table.find("x" * 10_000)
    assert "GET /v1/topics" in str(far.value.hint)
    assert len(far.value.message) < 300


def test_a_topic_that_cannot_be_used_says_why() -> None:
    with pytest.raises(RefusedError, match="no field") as refused:
        RouteTable({}, {"shop.orders.v1": "no field"}).find("shop.orders.v1")
    assert refused.value.kind is UNUSABLE_SCHEMA
    assert refused.value.retry_after_s


def test_near_names_are_few_and_ordered() -> None:
    known = [f"web.clicks.v{n}" for n in range(10)]
    assert near_names("web.clicks.v3", known)[0] == "web.clicks.v3"
    assert len(near_names("web.clicks.v3", known)) == 3
