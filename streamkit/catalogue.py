"""The catalogue: every topic with its schema, and every declared window.

It is written as files (`schemas/topics`, `schemas/avro`, `schemas/windows`), put in force by `kapstan topics
apply`, and read back by running services from `platform.catalogue.v1`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from streamkit.avro import Schema
from streamkit.errors import StopError
from streamkit.topic_spec import TopicSpec, lenient

TOPIC = "platform.catalogue.v1"
"""Where the catalogue in force is published."""


class CatalogueError(StopError):
    """The files do not describe a catalogue; the message lists every problem with its file and line."""


class UnknownTopicError(CatalogueError, KeyError):
    """The catalogue has no such topic."""


@dataclass(frozen=True)
class Topic:
    """A topic and its schema. `schema_id` is the registry's, known once the topic has been applied."""

    kind: ClassVar[str] = "TOPIC"

    spec: TopicSpec
    schema: Schema
    schema_id: int | None = None

    @property
    def name(self) -> str:
        """The topic's name in the live system; a namespace puts its own before it."""
        return self.spec.topic

    def document(self) -> str:
        """Return the topic as one line of JSON, the same for the same topic: what the log carries."""
        return _json(
            {
                "spec": self.spec.model_dump(mode="json"),
                "schema": self.schema.definition,
                "schema_id": self.schema_id,
            }
        )

    @staticmethod
    def from_document(document: str) -> "Topic":
        """Return the topic that `document` wrote, also when a newer version has added fields.

        Raises:
            ValueError: it is something else; InvalidSchemaError and pydantic's ValidationError are too.
        """
        data = json.loads(document)
        try:
            return Topic(lenient(data["spec"]), Schema.of(data["schema"]), data["schema_id"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"No topic document: {type(error).__name__} {error}") from error


@dataclass(frozen=True)
class Window:
    """A declared window; what its document means is the matter of flink_jobs."""

    kind: ClassVar[str] = "WINDOW"

    name: str
    data: Mapping[str, Any]

    def document(self) -> str:
        """Return the declaration as one line of JSON."""
        return _json(dict(self.data))

    @staticmethod
    def from_document(name: str, document: str) -> "Window":
        """Return the window that `document` wrote; raises ValueError when it is something else."""
        data = json.loads(document)
        if not isinstance(data, dict):
            raise ValueError(f"No window document: {document[:100]}")  # noqa: TRY004 - the data is wrong
        return Window(name, data)


@dataclass(frozen=True)
class Catalogue(Mapping[str, Topic]):
    """An immutable set of topics by name, and of windows. Two with the same digest say the same."""

    topics: Mapping[str, Topic]
    windows: Mapping[str, Window] = field(default_factory=dict)

    @staticmethod
    def load(schemas_dir: Path) -> "Catalogue":
        """Read the catalogue from its files; the topics have no schema ids yet. Blocks on the disk.

        Raises:
            CatalogueError: listing every problem of every file.
        """
        from streamkit.catalogue_files import load

        return load(schemas_dir)

    @classmethod
    def of(cls, entries: Iterable[object]) -> "Catalogue":
        """Build one from topics and windows in any order; other objects are left out."""
        topics, windows = {}, {}
        for entry in entries:
            if isinstance(entry, Topic):
                topics[entry.name] = entry
            elif isinstance(entry, Window):
                windows[entry.name] = entry
        return cls(dict(sorted(topics.items())), dict(sorted(windows.items())))

    def __getitem__(self, name: str) -> Topic:
        try:
            return self.topics[name]
        except KeyError:
            raise UnknownTopicError(
                f"The catalogue has no topic {name!r}.",
                hint=f"Add schemas/topics/{name}.yaml and run `kapstan topics apply`.",
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.topics)

    def __len__(self) -> int:
        return len(self.topics)

    def __contains__(self, name: object) -> bool:
        return name in self.topics

    def refined(self) -> list[Topic]:
        """Return the topics that the refiner writes, by name."""
        return [topic for topic in self.topics.values() if topic.spec.refined_from]

    def ingestible(self) -> list[Topic]:
        """Return the topics for which the gateway accepts events, by name."""
        return [topic for topic in self.topics.values() if topic.spec.ingest]

    @property
    def digest(self) -> str:
        """sha256 (hex) over all documents."""
        return digest_of(
            "\n".join(f"{entry.kind} {entry.name} {entry.document()}" for entry in self.entries())
        )

    def entries(self) -> list[Topic | Window]:
        """Return all topics, then all windows, each by name."""
        return [*self.topics.values(), *self.windows.values()]


def digest_of(document: str) -> str:
    """Return the sha256 of a document, hex."""
    return hashlib.sha256(document.encode()).hexdigest()


def _json(data: object) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
