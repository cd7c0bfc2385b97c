import prometheus_client
import pytest

from services.refiner.refine import Limits, Refine
from services.refiner.route import routes
from streamkit.avro import Schema
from streamkit.catalogue import TOPIC, Catalogue, Topic
from streamkit.catalogue_entries import SIDE_INPUT
from streamkit.errors import RetryableError, StopError
from streamkit.records import Output, Record, Rejected
from streamkit.serde import AvroDecoder, AvroEncoder, schema_id_of
from streamkit.side import SideInput, SideView
from streamkit.state import PartitionState
from streamkit.topic_spec import TopicSpec
from tests.support.catalogues import entry, event_schema, refined_entry

RAW, REFINED, HOUR, NOW = "clicks.v1", "clicks.refined.v1", 3_600_000, 1_790_000_000_000
EVENT = {"id": "e1", "tenant": "default", "user": "u1", "at": NOW}


class Schemas:
    def __init__(self, **schemas):
        self.schemas = {int(name[1:]): Schema.of(schema) for name, schema in schemas.items()}

    def schema(self, schema_id):
        return self.schemas[schema_id]


def refined(name=REFINED, source=RAW, schema=None, schema_id=2):
    return Topic(TopicSpec(**refined_entry(name, source)), Schema.of(schema or event_schema()), schema_id)


def raw(name=RAW, **changes):
    return Topic(TopicSpec(**entry(name, **changes)), Schema.of(event_schema()), 1)


def counted(name, **labels):
    return prometheus_client.REGISTRY.get_sample_value(f"kapstan_refiner_{name}_total", labels) or 0


class Refiner:
    """The step with a state, a clock of offsets, and a catalogue that may grow."""

    def __init__(self, *topics):
        self.schemas = Schemas(_1=event_schema(), _2=event_schema())
        self.step = Refine(self.schemas, Limits(repeat_window_ms=24 * HOUR, future_ms=24 * HOUR))
        self.state = PartitionState()
        self.offset = 0
        self._rows: list[tuple[str, object]] = []
        self.side = SideView([SideInput(SIDE_INPUT, TOPIC, lambda record: self._rows[record.offset])])
        for topic in topics or (raw(), refined()):
            self.declare(topic)

    def declare(self, topic, name=None):
        self._rows.append((f"TOPIC/{name or topic.name}", topic))
        self.side.apply(Record(TOPIC, 0, len(self._rows) - 1, NOW, None, b""))

    def record(self, datum=EVENT, *, at=NOW, headers=(), key=..., value=..., topic=RAW):
        self.offset += 1
        value = AvroEncoder(event_schema(), 1).encode(datum) if value is ... else value
        key = datum["user"].encode() if key is ... else key
        return Record(topic, 0, self.offset, at, key, value, headers)

    def __call__(self, *records):
        return list(self.step(records, self.side, self.state))


@pytest.fixture
def refiner():
    return Refiner()


def decoded(output, schema=None):
    return AvroDecoder(Schemas(_2=schema or event_schema()), schema or event_schema()).decode(output.value)


def test_a_valid_event_is_written_with_the_refined_schema(refiner):
    headers = (("kapstan-source", b"clicks.v1@x/0/1"), ("kapstan-side", b"old"), ("traceparent", b"t"))
    (output,) = refiner(refiner.record(at=NOW + 5, headers=headers))
    assert isinstance(output, Output)
    assert (output.name, output.key, output.timestamp_ms) == (REFINED, b"u1", NOW + 5)
    assert output.headers == (headers[0], headers[2])
    assert schema_id_of(output.value or b"") == 2
    assert decoded(output) == EVENT


def test_a_refined_schema_with_more_fields_takes_their_defaults():
    wider = event_schema({"name": "channel", "type": "string", "default": "web"})
    refiner = Refiner(raw(), refined(schema=wider))
    (output,) = refiner(refiner.record())
    assert decoded(output, wider) == {**EVENT, "channel": "web"}


def test_an_event_is_written_once_within_a_day_of_ingest_time(refiner):
    records = [refiner.record(at=NOW + hours * HOUR) for hours in (0, 1, 23, 25)]
    assert [output.timestamp_ms for output in refiner(*records)] == [NOW, NOW + 25 * HOUR]


def test_tenants_do_not_see_each_other_s_event_ids(refiner):
    tenants = [(), (("kapstan-tenant", b"acme"),), (("kapstan-tenant", b"acme"),)]
    records = [refiner.record(headers=headers) for headers in tenants]
    records.append(refiner.record({**EVENT, "tenant": "globex"}))
    assert [output.timestamp_ms for output in refiner(*records)] == [NOW, NOW, NOW]


def test_repeats_and_refined_records_are_counted(refiner):
    names = ("refined_records", "repeated_records")
    before = [counted(name, topic=REFINED) for name in names]
    refiner(refiner.record(), refiner.record(), refiner.record({**EVENT, "id": "e2"}))
    assert [counted(name, topic=REFINED) - was for name, was in zip(names, before, strict=True)] == [2, 1]


def test_a_topic_may_say_that_what_is_not_valid_is_only_counted():
    refiner = Refiner(raw(rejects="drop"), refined())
    before = counted("dropped_records", topic=REFINED, reason="no_magic")
    (output,) = refiner(refiner.record(value=b"junk!"), refiner.record())
    assert isinstance(output, Output)
    assert counted("dropped_records", topic=REFINED, reason="no_magic") == before + 1


@pytest.mark.parametrize(
    ("made", "reason", "field"),
    [
        ({"value": None}, "empty", None),
        ({"value": b"junk!"}, "no_magic", None),
        ({"value": b"\x00\x00\x00\x00\x01\x04e1"}, "undecodable", "/tenant"),
        ({"key": b"u2"}, "wrong_key", "/user"),
        ({"key": None}, "wrong_key", "/user"),
        ({"datum": {**EVENT, "at": NOW + 24 * HOUR + 1}}, "future", "/at"),
        ({"headers": (("kapstan-tenant", b"\xff\xfe"),)}, "bad_header", None),
    ],
)
def test_what_is_not_valid_is_put_aside_and_the_rest_goes_on(refiner, made, reason, field):
    bad = refiner.record(**made)
    before, rejected, after = refiner(
        refiner.record({**EVENT, "id": "a"}), bad, refiner.record({**EVENT, "id": "b"})
    )
    assert isinstance(rejected, Rejected)
    assert rejected.record is bad
    assert (rejected.reason, rejected.field_path) == (reason, field)
    assert rejected.detail
    assert [decoded(output)["id"] for output in (before, after)] == ["a", "b"]


def test_a_refused_event_may_be_sent_again(refiner):
    refiner(refiner.record(key=b"u2"))
    (output,) = refiner(refiner.record())
    assert isinstance(output, Output)


def test_an_event_just_within_the_limit_passes(refiner):
    (output,) = refiner(refiner.record({**EVENT, "at": NOW + 24 * HOUR}))
    assert isinstance(output, Output)


def test_what_is_read_and_written_follows_the_catalogue(refiner):
    assert refiner.step.topics(refiner.side).inputs == (RAW,)
    refiner.declare(raw("views.v1"))
    refiner.declare(refined("views.refined.v1", "views.v1"))
    topics = refiner.step.topics(refiner.side)
    assert topics.inputs == (RAW, "views.v1")
    assert topics.outputs == {REFINED: REFINED, "views.refined.v1": "views.refined.v1"}
    (output,) = refiner(refiner.record(topic="views.v1"))
    assert output.name == "views.refined.v1"


def test_heartbeats_fit_the_refined_schema(refiner):
    beat = refiner.step.topics(refiner.side).heartbeat_outputs[REFINED](NOW)
    assert schema_id_of(beat) == 2
    assert AvroDecoder(refiner.schemas, event_schema()).decode(beat)["at"] == NOW


def test_a_topic_that_was_withdrawn_is_not_read_and_its_batch_waits(refiner):
    refiner.declare(None, REFINED)
    assert refiner.step.topics(refiner.side).inputs == ()
    with pytest.raises(RetryableError, match=r"no longer refines clicks.v1"):
        refiner(refiner.record())


def test_two_refined_forms_of_one_topic_stop_the_service():
    with pytest.raises(StopError, match=r"both say that they refine clicks.v1"):
        routes(Catalogue.of([refined(), refined("other.v1")]), Schemas())


def test_an_entry_without_a_schema_id_stops_the_service():
    with pytest.raises(
        StopError, match=r"entry of clicks.refined.v1 is not complete. Run `kapstan topics apply`"
    ):
        routes(Catalogue.of([refined(schema_id=None)]), Schemas())
