"""Ahead: values whose event time is looked at before it is their turn, decoded once for both."""

from typing import Any

from streamkit.errors import DeadLetterError
from streamkit.records import Record
from streamkit.serde import Decoder


class Ahead:
    """A decoder that keeps what it decoded for the event time until the step asks for it.

    Holds as many data as the merge holds records. For one thread.
    """

    def __init__(self, decoder: Decoder, field: str) -> None:
        """Take what decodes, and the field with the event time in ms since the epoch."""
        self._decoder = decoder
        self._field = field
        self._kept: dict[bytes, Any] = {}

    def event_time(self, record: Record) -> int:
        """Return the record's event time, or the ingest time of one that cannot say it and will be refused.

        Raises RetryableError when the registry is away and the schema is not known yet.
        """
        value = record.value or b""
        try:
            datum = self._decoder.decode(value)
        except DeadLetterError:
            return record.timestamp_ms
        self._kept[value] = datum
        return int(datum[self._field])

    def decode(self, value: bytes) -> Any:
        """Return the datum, which is the caller's to change; raises as the decoder."""
        datum = self._kept.pop(value, None)
        return self._decoder.decode(value) if datum is None else datum
