"""The catalogue's schemas without a registry: an id per topic, and codecs that agree on it."""

from pathlib import Path

from streamkit.catalogue import Catalogue
from streamkit.errors import DeadLetterError
from streamkit.serde import AvroDecoder, AvroEncoder


class SchemaBook:
    """Stands for the registry in unit tests; ids count from 1 in the catalogue's order."""

    def __init__(self):
        self._catalogue = Catalogue.load(Path("schemas"))
        self._ids = {name: number for number, name in enumerate(self._catalogue, 1)}
        self._schemas = {number: self._catalogue[name].schema for name, number in self._ids.items()}

    def schema(self, schema_id):
        if schema_id not in self._schemas:
            raise DeadLetterError("no such id", reason="unknown_schema", schema_id=schema_id)
        return self._schemas[schema_id]

    def encoder(self, topic):
        return AvroEncoder(self._catalogue[topic].schema, self._ids[topic])

    def decoder(self, topic):
        return AvroDecoder(self, self._catalogue[topic].schema)

    def encode(self, topic, value):
        return self.encoder(topic).encode(value)

    def decode(self, topic, value):
        return self.decoder(topic).decode(value)
