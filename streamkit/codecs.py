"""The encoders and decoders of a service: the catalogue's schemas, bound to the registry's ids."""

from dataclasses import asdict

from streamkit.avro_minimal import minimal_record
from streamkit.catalogue import Catalogue, Topic
from streamkit.deadletters import DeadLetter, EncodeDeadLetter
from streamkit.errors import RetryableError
from streamkit.heartbeat import BuildHeartbeat
from streamkit.registry import RegistryClient, subject_of
from streamkit.serde import AvroDecoder, AvroEncoder

DEAD_LETTERS = "platform.dead-letters.v1"


class Codecs:
    """Makes codecs for the topics of one catalogue. Calls ask the registry, so make codecs at start."""

    def __init__(self, catalogue: Catalogue, registry: RegistryClient) -> None:
        """Take the catalogue whose schemas this program was written for, and the registry in use."""
        self._catalogue = catalogue
        self._registry = registry

    def decoder(self, topic: str) -> AvroDecoder:
        """Return a decoder of what `topic` holds into the shape of the catalogue's schema.

        Raises:
            UnknownTopicError: the catalogue has no such topic.
        """
        return AvroDecoder(self._registry, self._catalogue[topic].schema)

    def encoder(self, topic: str) -> AvroEncoder:
        """Return an encoder of records for `topic`.

        Raises:
            UnknownTopicError: the catalogue has no such topic.
            RetryableError: its schema is not registered yet, or the registry is away.
        """
        return self.encoder_of(self._catalogue[topic])

    def encoder_of(self, topic: Topic) -> AvroEncoder:
        """Return an encoder for a topic of any catalogue, such as the one in force; raises as `encoder`."""
        return AvroEncoder(topic.schema, self.schema_id(topic))

    def schema_id(self, topic: Topic) -> int:
        """Return the id of a topic's schema; raises as `encoder`."""
        if topic.schema_id is not None:
            return topic.schema_id
        schema_id = self._registry.id_of(subject_of(topic.name), topic.schema)
        if schema_id is None:
            newest = self._registry.latest(subject_of(topic.name))
            # The registry compares texts; the same schema may stand there with its fields in another order.
            schema_id = newest.schema_id if newest is not None and newest.schema == topic.schema else None
        if schema_id is None:
            raise RetryableError(
                f"The schema of {topic.name} is not registered.", hint="Run `kapstan topics apply`."
            )
        return schema_id

    def heartbeat(self, topic: str) -> BuildHeartbeat:
        """Return what makes a heartbeat's value for `topic` from an event time; raises as `encoder`."""
        return heartbeat_of(self._catalogue[topic], self.encoder(topic))

    def dead_letters(self) -> EncodeDeadLetter:
        """Return what makes the value of a dead letter; raises as `encoder`."""
        encoder = self.encoder(DEAD_LETTERS)

        def encode(letter: DeadLetter) -> bytes:
            headers = [{"name": name, "value": value} for name, value in letter.source_headers]
            return encoder.encode({**asdict(letter), "source_headers": headers})

        return encode


def heartbeat_of(topic: Topic, encoder: AvroEncoder) -> BuildHeartbeat:
    """Return what makes a heartbeat's value for a topic: its smallest record, with the event time."""
    return lambda event_time_ms: encoder.encode(
        minimal_record(topic.schema, topic.spec.event_time, event_time_ms)
    )
