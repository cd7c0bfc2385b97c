import io
import json

import fastavro
import fastavro.utils
import pytest

from flink_jobs.windows.fields import Field, fields_of, reader_schema
from tests.support.catalogues import SCHEMAS
from tests.support.window_declarations import SCHEMA


def test_a_field_is_its_kind_and_whether_it_may_be_null():
    fields = fields_of(SCHEMA)
    assert fields["category"] == Field("category", "string", nullable=True)
    assert fields["outcome"] == Field("outcome", "enum", symbols=("APPROVE", "DECLINE"))
    assert fields["at"].sql_type == "BIGINT"
    assert fields["tags"].sql_type is None


def test_a_union_of_several_types_is_not_read():
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": ["null", "string", "long"]}]}
    assert fields_of(schema)["x"] == Field("x", "union", nullable=True)


def test_the_reader_schema_has_the_wanted_fields_only_and_plain_times():
    schema = json.loads(reader_schema(SCHEMA, ["at", "outcome", "tenant"]))
    assert [field["name"] for field in schema["fields"]] == ["tenant", "at", "outcome"]
    assert schema["fields"][1]["type"] == "long"
    assert schema["fields"][0]["default"] == "default"


@pytest.mark.parametrize("path", sorted((SCHEMAS / "avro").glob("*.v1.avsc")), ids=lambda path: path.stem)
def test_it_reads_what_the_whole_schema_has_written(path):
    schema = json.loads(path.read_text())
    names = [name for name, field in fields_of(schema).items() if field.sql_type]
    reduced = json.loads(reader_schema(schema, names))
    plain = json.loads(path.read_text().replace('"logicalType": "timestamp-millis"', '"doc": ""'))
    record = fastavro.utils.generate_one(plain)
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, plain, record)
    buffer.seek(0)
    read = fastavro.schemaless_reader(buffer, plain, reduced)
    assert read == {name: record[name] for name in names}
