import asyncio
from typing import Any

from services.ingest_gateway.follow import Routes, follow
from streamkit.catalogue import Catalogue, Topic
from streamkit.errors import RetryableError
from tests.unit.services.ingest_gateway.world import GOOD, ORDER_SCHEMA, ORDERS, orders, rejects_topic, until

WIDER = {
    **ORDER_SCHEMA,
    "fields": [*ORDER_SCHEMA["fields"], {"name": "note", "type": "string", "default": ""}],
}


def schema_id(topic: Topic) -> int:
    if topic.schema_id is None:
        raise RetryableError(f"{topic.name} is not registered")
    return topic.schema_id


def routes(*topics: Topic) -> Routes:
    made = Routes("", schema_id)
    made.update(Catalogue.of(topics))
    return made


def test_topics_that_take_events_have_routes() -> None:
    made = routes(orders(), rejects_topic())
    assert list(made.table.routes) == [ORDERS]
    assert made.problem() is None


def test_a_gateway_without_topics_or_rejects_is_not_ready() -> None:
    assert "No topic" in str(routes().problem())
    assert "platform.gateway-rejects.v1" in str(routes(orders()).problem())


def test_an_entry_that_did_not_change_keeps_its_route() -> None:
    made = routes(orders())
    before = made.table.routes[ORDERS]
    made.update(Catalogue.of([orders(), rejects_topic()]))
    assert made.table.routes[ORDERS] is before


def test_a_changed_schema_is_in_force_at_once() -> None:
    made = routes(orders())
    made.update(Catalogue.of([orders(WIDER, 8)]))
    assert made.table.routes[ORDERS].encode({**GOOD, "note": "x"})[:5] == b"\0\0\0\0\10"


def test_a_topic_that_is_withdrawn_takes_no_more_events() -> None:
    made = routes(orders())
    made.update(Catalogue.of([]))
    assert not made.table.routes


def test_a_change_that_cannot_be_used_leaves_the_route_before() -> None:
    made = routes(orders())
    assert made.update(Catalogue.of([orders(WIDER, 8, key="absent")]))
    assert made.table.routes[ORDERS].schema_id == 7


def test_a_new_topic_that_cannot_be_used_says_why() -> None:
    assert "no field 'absent'" in routes(orders(key="absent")).table.unusable[ORDERS]


async def test_what_waits_for_the_registry_is_tried_again() -> None:
    waiting = Catalogue.of([orders(schema_id=None)])
    ready = {"now": False}

    def late(topic: Topic) -> int:
        if not ready["now"]:
            raise RetryableError("the registry is away")
        return 7

    made = Routes("", late)
    following = asyncio.create_task(follow(made, lambda: waiting))
    await until(lambda: ORDERS in made.table.unusable)
    ready["now"] = True
    await until(lambda: ORDERS in made.table.routes)
    following.cancel()


async def test_nothing_is_done_before_the_catalogue_is_known() -> None:
    made = Routes("", schema_id)
    catalogue: list[Catalogue | None] = [None]
    following = asyncio.create_task(follow(made, lambda: catalogue[-1]))
    await asyncio.sleep(0)
    assert not made.table.known
    catalogue.append(Catalogue.of([]))
    await until(lambda: made.table.known)
    following.cancel()


async def test_a_catalogue_that_did_not_change_is_not_looked_at_again() -> None:
    seen: list[Any] = []
    made = Routes("", lambda topic: seen.append(topic) or 7)  # type: ignore[func-returns-value]
    catalogues = [Catalogue.of([orders()])]
    following = asyncio.create_task(follow(made, lambda: catalogues[-1]))
    await until(lambda: ORDERS in made.table.routes)
    catalogues.append(Catalogue.of([orders(), orders(topic="shop.returns.v1")]))
    await until(lambda: len(made.table.routes) == 2)
    following.cancel()
    assert [topic.name for topic in seen] == [ORDERS, "shop.returns.v1"]
