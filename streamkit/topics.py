"""What has to change so that Kafka and the registry are as the catalogue says. Pure: no client here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from streamkit.broker import TopicInfo
from streamkit.catalogue import Catalogue, Topic

GLOBAL_LEVEL = "BACKWARD"
"""The level of a subject that the catalogue does not know; registries may come with NONE."""


@dataclass(frozen=True)
class Actual:
    """What is there now.

    By topic: `schema_ids` of declared schemas that are registered, `versions` of subjects whose newest
    schema is another, the registry's `conflicts` between the two, and `levels` (None is the global one).
    `published` holds the documents in force by `KIND/name`.
    """

    topics: Mapping[str, TopicInfo] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    schema_ids: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str | None, str] = field(default_factory=dict)
    conflicts: Mapping[str, list[str]] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One thing to do; `target` is what it is done to."""

    action: ClassVar[str]

    target: str

    @property
    def detail(self) -> str:
        """What is done, for people."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return the change as one flat JSON object."""
        return {"action": self.action, "target": self.target, "detail": self.detail}


@dataclass(frozen=True)
class CreateTopic(Change):
    """Make a topic in Kafka."""

    action = "create topic"
    partitions: int
    config: Mapping[str, str]

    @property
    def detail(self) -> str:
        """Its partitions and settings."""
        settings = ", ".join(f"{name}={value}" for name, value in sorted(self.config.items()))
        return f"{self.partitions} partitions, {settings}"


@dataclass(frozen=True)
class AlterTopic(Change):
    """Bring a topic's settings back to the catalogue's."""

    action = "alter topic"
    before: Mapping[str, str | None]
    after: Mapping[str, str]

    @property
    def detail(self) -> str:
        """Each setting's old and new value."""
        return ", ".join(
            f"{name}: {self.before[name]} -> {value}" for name, value in sorted(self.after.items())
        )


@dataclass(frozen=True)
class RegisterSchema(Change):
    """Register a topic's schema as the newest version of its subject."""

    action = "register schema"
    topic: Topic
    version: int

    @property
    def detail(self) -> str:
        """The version that it becomes."""
        return f"version {self.version} from {self.topic.spec.schema_file}"


@dataclass(frozen=True)
class SetLevel(Change):
    """Set the compatibility level of a topic's subject, or the global one."""

    action = "set compatibility"
    topic: str | None
    before: str | None
    after: str

    @property
    def detail(self) -> str:
        """Old and new level."""
        return f"{self.before} -> {self.after}"


@dataclass(frozen=True)
class Publish(Change):
    """Publish what is in force: a new or changed entry, or the withdrawal of one that has no file."""

    action = "publish"
    kind: str
    name: str
    why: str

    @property
    def detail(self) -> str:
        """Whether the entry is new, changed or withdrawn."""
        return self.why


@dataclass(frozen=True)
class Refusal:
    """A change that would break what runs, and what to do instead."""

    topic: str
    problem: str
    remedy: str

    def to_json(self) -> dict[str, str]:
        """Return the refusal as one flat JSON object."""
        return {"topic": self.topic, "problem": self.problem, "remedy": self.remedy}


@dataclass(frozen=True)
class Plan:
    """All changes in the order in which they are made, and what stands against making any."""

    changes: tuple[Change, ...]
    refusals: tuple[Refusal, ...]

    def __bool__(self) -> bool:
        return bool(self.changes or self.refusals)


def plan(declared: Catalogue, actual: Actual) -> Plan:
    """Return what has to be done; nothing when all is as declared."""
    refusals = [*_partition_refusals(declared, actual), *_schema_refusals(declared, actual)]
    registering = list(_registrations(declared, actual))
    changes = [
        *_global_level(actual),
        *_topic_changes(declared, actual),
        *registering,
        *_levels(declared, actual),
        *_publications(declared, actual, {f"{Topic.kind}/{change.topic.name}" for change in registering}),
    ]
    return Plan(tuple(changes), tuple(refusals))


def _partition_refusals(declared: Catalogue, actual: Actual) -> Iterator[Refusal]:
    for name, topic in declared.items():
        there = actual.topics.get(name)
        if there is not None and there.partitions != topic.spec.partitions:
            yield Refusal(
                name,
                f"it has {there.partitions} partitions and the catalogue says {topic.spec.partitions}; "
                "a change would send keys to other partitions and part them from their state",
                f"declare {successor(name)} with that many, replay into it and cut over",
            )


def _schema_refusals(declared: Catalogue, actual: Actual) -> Iterator[Refusal]:
    for name, topic in declared.items():
        if reasons := actual.conflicts.get(name):
            yield Refusal(
                name,
                f"{topic.spec.schema_file} is not {topic.spec.compatibility}: {'; '.join(reasons)}",
                f"make the change compatible (a new field needs a default) or declare {successor(name)}",
            )


def _global_level(actual: Actual) -> Iterator[Change]:
    level = actual.levels.get(None)
    if level in (None, "NONE"):
        yield SetLevel("all subjects", None, level, GLOBAL_LEVEL)


def _topic_changes(declared: Catalogue, actual: Actual) -> Iterator[Change]:
    for name, topic in declared.items():
        wanted = topic.spec.kafka_config
        if name not in actual.topics:
            yield CreateTopic(name, topic.spec.partitions, wanted)
            continue
        present = actual.configs.get(name, {})
        drift = {key: value for key, value in wanted.items() if present.get(key) != value}
        if drift:
            yield AlterTopic(name, {key: present.get(key) for key in drift}, drift)


def _registrations(declared: Catalogue, actual: Actual) -> Iterator[RegisterSchema]:
    for name, topic in declared.items():
        if topic.spec.managed_by is None and name not in actual.schema_ids:
            yield RegisterSchema(name, topic, actual.versions.get(name, 0) + 1)


def _levels(declared: Catalogue, actual: Actual) -> Iterator[Change]:
    for name, topic in declared.items():
        level = actual.levels.get(name)
        if topic.spec.managed_by is None and level != topic.spec.compatibility:
            yield SetLevel(name, name, level, topic.spec.compatibility)


def _publications(declared: Catalogue, actual: Actual, registering: set[str]) -> Iterator[Change]:
    gone = dict(actual.published)
    for entry in with_ids(declared, actual.schema_ids).entries():
        key = f"{entry.kind}/{entry.name}"
        before = gone.pop(key, None)
        if before is None or key in registering or entry.document() != before:
            yield Publish(key, entry.kind, entry.name, "new" if before is None else "changed")
    for key in sorted(gone):
        kind, _, name = key.partition("/")
        yield Publish(key, kind, name, "withdrawn")


def with_ids(declared: Catalogue, schema_ids: Mapping[str, int]) -> Catalogue:
    """Return the catalogue with the registry's ids; a topic that is not in `schema_ids` has none."""
    topics = [Topic(topic.spec, topic.schema, schema_ids.get(name)) for name, topic in declared.items()]
    return Catalogue.of([*topics, *declared.windows.values()])


def successor(topic: str) -> str:
    """Return the name of a topic's next major version: payments.alerts.v1 -> payments.alerts.v2."""
    stem, dot, version = topic.rpartition(".v")
    return f"{stem}.v{int(version) + 1}" if dot and version.isdecimal() else f"{topic}.v2"
