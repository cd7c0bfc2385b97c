import pytest

from flink_jobs.windows.bind import problems
from streamkit.topic_spec import TopicSpec
from tests.support.catalogues import entry
from tests.support.window_declarations import SCHEMA, SPEC, bound, declared


def found(spec=SPEC, schema=SCHEMA, **changes):
    return dict(problems(declared(**changes), spec, schema))


def test_the_fields_it_reads_stand_in_the_schemas_order_and_tenant_leads_the_key():
    window = bound(where={"outcome": "DECLINE"})
    assert [field.name for field in window.fields] == [
        "tenant", "at", "category", "currency", "amount_minor", "outcome",
    ]  # fmt: skip
    assert [field.name for field in window.keys] == ["tenant", "category", "currency"]
    assert window.event_time == "at"


def test_a_fitting_declaration_has_no_problems():
    assert found(where={"outcome": ["DECLINE", "APPROVE"]}) == {}


def test_a_raw_topic_is_refused():
    raw = TopicSpec(**entry("orders.v1"))
    assert "orders.v1 is raw" in found(spec=raw)["topic"]


def test_a_topic_without_tenant_is_refused():
    schema = {**SCHEMA, "fields": [field for field in SCHEMA["fields"] if field["name"] != "tenant"]}
    assert "has no field tenant" in found(schema=schema)["topic"]


@pytest.mark.parametrize(
    ("changes", "place", "text"),
    [
        ({"keys": ["currency", "colour"]}, "keys", "has no field 'colour'; it has id, tenant,"),
        ({"keys": ["currency", "tags"]}, "keys", "tags is of type array, which windows do not read"),
        ({"keys": ["currency", "score"]}, "keys", "equal values of it cannot be relied on"),
        ({"where": {"colour": "red"}}, "where.colour", "has no field 'colour'"),
        ({"where": {"outcome": "DECLINED"}}, "where.outcome", "expected one of APPROVE, DECLINE"),
        ({"where": {"amount_minor": "1"}}, "where.amount_minor", "amount_minor is of type long"),
        ({"where": {"amount_minor": True}}, "where.amount_minor", "got True"),
        ({"where": {"currency": ["EUR", 5]}}, "where.currency", "got 5, but currency is of type string"),
        ({"where": {"score": 1}}, "where.score", "score is of type double"),
        (
            {"aggregates": {"a": {"function": "sum", "field": "score"}}},
            "aggregates.a.field",
            "only whole numbers add up the same in every order",
        ),
        (
            {"aggregates": {"a": {"function": "max", "field": "colour"}}},
            "aggregates.a.field",
            "has no field 'colour'",
        ),
        (
            {"keys": ["category"]},
            "aggregates.amount_minor.field",
            "currencies are never mixed",
        ),
        (
            {"aggregates": {"a": {"function": "count", "where": {"outcome": "X"}}}},
            "aggregates.a.where.outcome",
            "got 'X'",
        ),
    ],
)
def test_a_problem_names_its_place(changes, place, text):
    assert text in found(**changes)[place]
