"""Catalogue entries as records of platform.catalogue.v1: written by `topics apply`, read by services."""

from pydantic import ValidationError

from streamkit.avro import InvalidSchemaError
from streamkit.catalogue import TOPIC, Topic, Window, digest_of
from streamkit.errors import DeadLetterError
from streamkit.headers import is_heartbeat
from streamkit.records import Record
from streamkit.serde import AvroDecoder, AvroEncoder
from streamkit.side import SideInput

SIDE_INPUT = "catalogue"
"""The name under which a transform finds the catalogue among its side tables."""

_WITHDRAWN = "null"


def encode_entry(
    encoder: AvroEncoder, kind: str, name: str, document: str | None, now_ms: int
) -> tuple[bytes, bytes]:
    """Return (key, value) of an entry; without a document it withdraws what was declared before.

    Args:
        encoder: of platform.catalogue.v1.
        kind: `TOPIC` or `WINDOW`.
        name: the topic's or window's name.
        document: what `Topic.document` or `Window.document` gave.
        now_ms: when it is applied, milliseconds since the epoch.
    """
    text = _WITHDRAWN if document is None else document
    entry = {"kind": kind, "name": name, "document": text, "digest": digest_of(text), "event_time": now_ms}
    return name.encode(), encoder.encode(entry)


def document_of(decoder: AvroDecoder, record: Record) -> tuple[str, str | None]:
    """Return an entry's key `KIND/name` and its document, None when it is withdrawn.

    Raises:
        DeadLetterError: the record is no entry.
    """
    entry = decoder.decode(record.value or b"")
    document = entry["document"]
    return f"{entry['kind']}/{entry['name']}", None if document == _WITHDRAWN else document


class EntryDecoder:
    """Decodes an entry into a row of a side table: key `KIND/name`, value a Topic or a Window."""

    def __init__(self, decoder: AvroDecoder) -> None:
        """Take the decoder of platform.catalogue.v1."""
        self._decoder = decoder

    def __call__(self, record: Record) -> tuple[str, object | None] | None:
        """Return the row, with None for a withdrawn entry; None for a heartbeat.

        Raises:
            DeadLetterError: the entry is not one, or not one that this version understands.
        """
        if record.value is None or is_heartbeat(record.headers):
            return None
        key, document = document_of(self._decoder, record)
        if document is None:
            return key, None
        kind, _, name = key.partition("/")
        try:
            return key, Topic.from_document(document) if kind == Topic.kind else Window.from_document(
                name, document
            )
        except (ValidationError, InvalidSchemaError, ValueError) as error:
            raise DeadLetterError(
                f"The catalogue entry {key} cannot be used: {error}",
                reason="undecodable",
                field_path="/document",
            ) from error


def catalogue_side_input(decoder: AvroDecoder) -> SideInput:
    """Return the side input that holds the catalogue in force; `Catalogue.of` takes its rows' values."""
    return SideInput(SIDE_INPUT, TOPIC, EntryDecoder(decoder))
