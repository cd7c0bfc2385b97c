"""Values on the log: Confluent's wire format around Avro, one record at a time.

The wire format is one zero byte, the schema's id as four bytes big-endian, then the datum in Avro binary
encoding. What cannot be read ends in a DeadLetterError that says why and, where possible, at which field.
"""

import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Protocol

import fastavro

from streamkit.avro import Schema
from streamkit.avro_faults import find_fault
from streamkit.avro_ints import int_check
from streamkit.avro_minimal import minimal_record
from streamkit.errors import DeadLetterError

__all__ = ["AvroDecoder", "AvroEncoder", "Decoder", "SchemaSource", "minimal_record", "schema_id_of"]

MAGIC = 0
PREFIX_BYTES = 5
NO_MAGIC, UNKNOWN_SCHEMA, UNDECODABLE, UNENCODABLE = (
    "no_magic",
    "unknown_schema",
    "undecodable",
    "unencodable",
)
"""The reasons of dead letters that come from here."""

_MOST_TEXT = 300  # fastavro's messages hold whole schemas
_HEADER = struct.Struct(">bI")


class SchemaSource(Protocol):
    """Where writer schemas come from; `registry.RegistryClient` in a service."""

    def schema(self, schema_id: int) -> Schema:
        """Return the schema with this id; raises DeadLetterError when there is none."""
        ...


class Decoder(Protocol):
    """What a step needs of a decoder; an AvroDecoder in a service."""

    def decode(self, value: bytes) -> Any:
        """Return the datum; raises as `AvroDecoder.decode`."""
        ...


def schema_id_of(value: bytes) -> int:
    """Return the schema id in a value's wire format.

    Raises:
        DeadLetterError: reason `no_magic`; the value is shorter than the prefix or begins otherwise.
    """
    if len(value) < PREFIX_BYTES:
        raise DeadLetterError(
            f"The value has {len(value)} bytes; the wire format's prefix alone has {PREFIX_BYTES}.",
            reason=NO_MAGIC,
        )
    magic, schema_id = _HEADER.unpack_from(value)
    if magic != MAGIC:
        raise DeadLetterError(
            f"The value begins with byte {value[0]:#04x}; the wire format begins with 0x00.", reason=NO_MAGIC
        )
    return int(schema_id)


class AvroEncoder:
    """Encodes records of one schema. Takes and keeps no time, state or lock; threads may share it."""

    def __init__(self, schema: Schema | Mapping[str, Any], schema_id: int) -> None:
        """Take the schema and the id under which the registry holds it."""
        self._schema = Schema.of(schema)
        self._prefix = _HEADER.pack(MAGIC, schema_id)
        self._schema_id = schema_id
        self._check = int_check(self._schema)

    def encode(self, datum: Any) -> bytes:
        """Return the value for the log.

        Args:
            datum: Python data with logical types as stored: a timestamp-millis is an int. A field may be
                left out when the schema gives its default; another field than the schema's is refused.

        Raises:
            DeadLetterError: reason `unencodable`; the text names the field.
        """
        out = BytesIO()
        out.write(self._prefix)
        try:
            fastavro.schemaless_writer(out, self._schema.physical, datum, strict_allow_default=True)
            if self._check is not None:
                self._check(datum)
        except Exception as error:
            raise DeadLetterError(
                f"The record does not fit {self._schema.name}: {str(error)[:_MOST_TEXT]}",
                reason=UNENCODABLE,
                schema_id=self._schema_id,
            ) from error
        return out.getvalue()


class AvroDecoder:
    """Decodes values of any writer schema into the shape of one pinned reader schema."""

    def __init__(self, schemas: SchemaSource, reader: Schema | Mapping[str, Any]) -> None:
        """Take where writer schemas come from and the schema that this program was written for."""
        self._schemas = schemas
        self._reader = Schema.of(reader)
        self._check = int_check(self._reader)
        # By writer id: the writer, and the reader unless both lay out the same fields.
        self._pairs: dict[int, tuple[Schema, Any]] = {}

    def decode(self, value: bytes) -> Any:
        """Return the datum, logical types as stored; asks the registry once for each unknown schema id.

        Raises:
            DeadLetterError: reason `no_magic`, `unknown_schema` or `undecodable`, with the field's pointer
                when it is known.
            RetryableError: the registry is away and the id is not known yet.
        """
        schema_id = schema_id_of(value)
        pair = self._pairs.get(schema_id)
        if pair is None:
            writer = self._schemas.schema(schema_id)
            pair = writer, None if writer.reads_like(self._reader) else self._reader.physical
            self._pairs[schema_id] = pair
        writer, reader = pair
        if writer.unbounded and find_fault(writer, value[PREFIX_BYTES:]) is not None:
            raise self._undecodable(schema_id, writer, value, None)
        source = BytesIO(value)
        source.seek(PREFIX_BYTES)
        try:
            datum = fastavro.schemaless_reader(source, writer.physical, reader)
            if self._check is not None:
                self._check(datum)
        except Exception as error:
            raise self._undecodable(schema_id, writer, value, error) from error
        if source.tell() != len(value):
            raise self._undecodable(schema_id, writer, value, None)
        return datum

    def _undecodable(
        self, schema_id: int, writer: Schema, value: bytes, error: Exception | None
    ) -> DeadLetterError:
        fault = find_fault(writer, value[PREFIX_BYTES:])
        if fault is None:
            text = (
                f"Schema {schema_id} ({writer.name}) cannot be read as {self._reader.name}: "
                f"{str(error)[:_MOST_TEXT]}."
            )
            return DeadLetterError(text, reason=UNDECODABLE, schema_id=schema_id)
        place = f"at {fault.pointer}, " if fault.pointer else ""
        return DeadLetterError(
            f"The bytes are no {writer.name}, which schema {schema_id} is: {place}{fault.problem}.",
            reason=UNDECODABLE,
            field_path=fault.pointer or None,
            schema_id=schema_id,
        )
