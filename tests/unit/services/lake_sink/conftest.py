import pytest

from services.lake_sink.commit import Committer
from services.lake_sink.destination import LakeDestination
from services.lake_sink.switch import Switch
from services.lake_sink.tables import Tables
from services.lake_sink.upkeep import Upkeep
from streamkit.avro import Schema
from streamkit.errors import DeadLetterError
from streamkit.records import Record
from streamkit.serde import AvroEncoder
from tests.support.lake import MemoryCatalog

SCHEMAS = {
    1: Schema({"type": "record", "name": "T", "fields": [{"name": "n", "type": "long"}]}),
    2: Schema(
        {
            "type": "record",
            "name": "T",
            "fields": [
                {"name": "n", "type": "long"},
                {"name": "more", "type": ["null", "string"], "default": None},
            ],
        }
    ),
    3: Schema({"type": "record", "name": "T", "fields": [{"name": "n", "type": "string"}]}),
}


FOREIGN = 4
SCHEMAS[FOREIGN] = Schema({"type": "record", "name": "O", "fields": [{"name": "alien", "type": "long"}]})


class KnownSchemas:
    def schema(self, schema_id):
        if schema_id not in SCHEMAS:
            raise DeadLetterError("no such schema", reason="unknown_schema")
        return SCHEMAS[schema_id]

    def subjects(self, schema_id):
        return ["other-value"] if schema_id == FOREIGN else ["t-value", "u-value"]


class StillClock:
    """A clock that stands still; sleeping costs nothing."""

    def now_ms(self):
        return 1_700_000_000_000

    def monotonic(self):
        return 0.0

    def sleep(self, seconds):
        assert seconds <= 2.0


class Lake:
    """Writers on one catalog in memory."""

    def __init__(self, folder):
        self.catalog = MemoryCatalog(folder)
        self.topic_ids = {"t": "id-t", "u": "id-u"}
        self._commits = 0

    def writer(self, ref="main", clock=None):
        tables = Tables(self.catalog, "bronze", ref)
        committer = Committer(self.catalog, StillClock(), 5, Upkeep(self.catalog, 0.0), ref)
        known = KnownSchemas()
        return LakeDestination(
            tables, committer, known, lambda _: self.topic_ids, self._new_id, clock or StillClock()
        )

    def switch(self, namespace="r"):
        return Switch(self.catalog, StillClock(), namespace, self._new_id)

    def table(self, topic="t"):
        return self.catalog.load_table(("bronze", topic))

    def _new_id(self):
        self._commits += 1
        return f"commit{self._commits}"


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)


def record(offset, *, n=None, schema_id=1, partition=0, topic="t", headers=(), value=None, **more):
    if value is None:
        datum = {"n": "text" if schema_id == 3 else offset if n is None else n, **more}
        value = AvroEncoder(SCHEMAS[schema_id], schema_id).encode(datum)
    return Record(topic, partition, offset, 1_700_000_000_000, b"k", value, headers)


@pytest.fixture
def make():
    return record
