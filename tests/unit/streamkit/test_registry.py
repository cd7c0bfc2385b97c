import json

import httpx
import pytest

from streamkit.avro import Schema
from streamkit.errors import DeadLetterError, RetryableError, StopError
from streamkit.registry import UNKNOWN_FOR_S, IncompatibleSchemaError, RegistryClient, subject_of

SCHEMA = Schema.of({"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]})
ANSWER = {"id": 5, "version": 2, "schema": SCHEMA.text}


class Server:
    """Answers by `METHOD path`; a list is answered one by one, the last one for ever."""

    def __init__(self, **answers):
        self.requests = []
        self.slept = []
        self.now = 0.0
        self._answers = {name.replace("__", " /").replace("_", "/"): given for name, given in answers.items()}

    def client(self):
        transport = httpx.MockTransport(self._answer)
        return RegistryClient(
            "http://registry/", transport=transport, sleep=self.slept.append, clock=lambda: self.now
        )

    def _answer(self, request):
        name = f"{request.method} {request.url.path.removeprefix('/apis/ccompat/v7')}"
        self.requests.append((name, json.loads(request.content) if request.content else None))
        answer = self._answers.get(name, (404, {"message": "absent"}))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return (
            httpx.Response(status, json=body) if isinstance(body, dict) else httpx.Response(status, text=body)
        )


def test_a_schema_is_fetched_once():
    server = Server(GET__schemas_ids_5=(200, {"schema": SCHEMA.text}))
    client = server.client()
    assert client.schema(5) == SCHEMA
    assert client.schema(5) is client.schema(5)
    assert len(server.requests) == 1


def test_references_are_followed():
    outer = {"type": "record", "name": "P", "fields": [{"name": "r", "type": "R"}]}
    reference = {"name": "R", "subject": "R", "version": 1}
    server = Server(
        GET__schemas_ids_9=(200, {"schema": json.dumps(outer), "references": [reference]}),
        GET__subjects_R_versions_1=(200, ANSWER),
    )
    assert server.client().schema(9).resolve("R")["fields"][0]["name"] == "a"


def test_an_unknown_id_is_not_asked_for_again_for_a_while():
    server = Server()
    client = server.client()
    for _ in range(3):
        with pytest.raises(DeadLetterError, match="no schema with id 7") as caught:
            client.schema(7)
        assert (caught.value.reason, caught.value.schema_id) == ("unknown_schema", 7)
    assert len(server.requests) == 1
    server.now = UNKNOWN_FOR_S + 1
    with pytest.raises(DeadLetterError):
        client.schema(7)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "failure", [(503, "busy"), (429, {"message": "slow down"}), httpx.ConnectError("refused")]
)
def test_what_may_pass_is_tried_again(failure):
    server = Server(GET__schemas_ids_5=[failure, failure, (200, {"schema": SCHEMA.text})])
    assert server.client().schema(5) == SCHEMA
    assert len(server.slept) == 2
    assert server.slept[1] > server.slept[0]


def test_a_registry_that_stays_away_is_retryable():
    server = Server(GET__schemas_ids_5=httpx.ConnectError("refused"))
    with pytest.raises(
        RetryableError, match="The schema registry is away: http://registry/ does not answer: refused"
    ):
        server.client().schema(5)
    assert len(server.requests) == 4


def test_registering_sends_the_schema_under_the_escaped_subject():
    server = Server(**{"POST__subjects_a b-value_versions": (200, {"id": 8})})
    assert server.client().register(subject_of("a b"), SCHEMA) == 8
    assert server.requests[0][1] == {"schema": SCHEMA.text}


def test_an_incompatible_schema_is_told_from_other_refusals():
    server = Server(POST__subjects_s_versions=[(409, {"message": "x is new"}), (422, "no schema")])
    client = server.client()
    with pytest.raises(IncompatibleSchemaError, match="409: x is new"):
        client.register("s", SCHEMA)
    with pytest.raises(StopError, match="422: no schema"):
        client.register("s", SCHEMA)
    assert len(server.requests) == 2


def test_what_does_not_exist_is_none():
    client = Server().client()
    assert client.id_of("s", SCHEMA) is None
    assert client.latest("s") is None
    assert client.compatibility("s") is None
    assert client.conflicts("s", SCHEMA) is None


def test_what_exists_is_returned():
    client = Server(
        POST__subjects_s=(200, ANSWER),
        GET__subjects_s_versions_latest=(200, ANSWER),
        GET__config_s=(200, {"compatibilityLevel": "FULL"}),
        GET__config=(200, {"compatibilityLevel": "BACKWARD"}),
        POST__compatibility_subjects_s_versions=[
            (200, {"is_compatible": True}),
            (200, {"is_compatible": False, "messages": ["a is gone"]}),
            (200, {"is_compatible": False}),
        ],
    ).client()
    assert client.id_of("s", SCHEMA) == 5
    assert client.latest("s") == (5, 2, SCHEMA)
    assert (client.compatibility("s"), client.compatibility()) == ("FULL", "BACKWARD")
    assert [client.conflicts("s", SCHEMA) for _ in range(3)] == [None, ["a is gone"], []]


def test_a_level_is_set_for_a_subject_or_for_all():
    server = Server(PUT__config_s=(200, {}), PUT__config=(200, {}))
    server.client().set_compatibility("FULL", "s")
    server.client().set_compatibility("BACKWARD")
    assert server.requests == [
        ("PUT /config/s", {"compatibility": "FULL"}),
        ("PUT /config", {"compatibility": "BACKWARD"}),
    ]


def test_the_health_check_tries_once():
    assert Server(GET__subjects=(200, {})).client().unreachable() is None
    server = Server(GET__subjects=httpx.ConnectError("refused"))
    assert server.client().unreachable() == "The schema registry at http://registry/ does not answer: refused"
    assert len(server.requests) == 1


def test_a_schema_in_the_registry_that_is_none_stops():
    with pytest.raises(StopError, match="holds a schema that is none"):
        Server(GET__schemas_ids_5=(200, {"schema": '{"type": "rec"}'})).client().schema(5)


def test_a_schema_has_its_subjects_and_an_unknown_one_has_none():
    client = Server(GET__schemas_ids_5_subjects=(200, '["a-value","b-value"]')).client()
    assert client.subjects(5) == ["a-value", "b-value"]
    assert client.subjects(6) == []
