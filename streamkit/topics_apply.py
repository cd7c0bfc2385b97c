"""Looks at Kafka and the registry, and makes the changes that `streamkit.topics.plan` found."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from streamkit.avro import Schema
from streamkit.avro_changes import changes
from streamkit.broker import Admin, Broker
from streamkit.catalogue import TOPIC, Catalogue, Topic
from streamkit.catalogue_entries import document_of, encode_entry
from streamkit.clock import Clock
from streamkit.codecs import Codecs
from streamkit.errors import DeadLetterError, StopError
from streamkit.headers import is_heartbeat
from streamkit.read import read_to_end
from streamkit.registry import Registered, RegistryClient, subject_of
from streamkit.topics import Actual, AlterTopic, Change, CreateTopic, Plan, Publish, RegisterSchema, SetLevel

_FLUSH_TIMEOUT_S = 20.0

_log = logging.getLogger(__name__)


class TopicsRefusedError(StopError):
    """The catalogue asks for something that would break what runs; nothing was changed."""


@dataclass(frozen=True)
class Platform:
    """The clients that `observe` and `apply` work with."""

    broker: Broker
    admin: Admin
    registry: RegistryClient
    clock: Clock


def observe(platform: Platform, declared: Catalogue) -> Actual:
    """Return what is there of the declared catalogue. Blocks; raises RetryableError when a part is away."""
    topics = platform.admin.topics(list(declared))
    schema_ids: dict[str, int] = {}
    versions: dict[str, int] = {}
    conflicts: dict[str, list[str]] = {}
    levels: dict[str | None, str | None] = {None: platform.registry.compatibility()}
    for name, topic in declared.items():
        if topic.spec.managed_by is not None:
            continue
        subject = subject_of(name)
        found = _find(platform.registry, subject, topic.schema)
        if isinstance(found, int):
            schema_ids[name] = found
        elif found is not None:
            versions[name] = found.version
            conflicts[name] = _conflicts(platform.registry, topic, found)
        if found is not None:
            levels[name] = platform.registry.compatibility(subject)
    return Actual(
        topics=topics,
        configs=platform.admin.topic_configs(list(topics)),
        schema_ids=schema_ids,
        versions=versions,
        levels={name: level for name, level in levels.items() if level is not None},
        conflicts=conflicts,
        published=_published(platform, declared) if TOPIC in topics else {},
    )


def apply(platform: Platform, declared: Catalogue, plan: Plan) -> None:
    """Make the plan's changes in their order. Making them again does no harm. Blocks.

    Raises:
        TopicsRefusedError: the plan holds refusals; nothing was changed.
        RetryableError: a part is away; call `observe` and `plan` again.
    """
    if plan.refusals:
        raise TopicsRefusedError(
            "Nothing was changed: " + "; ".join(f"{each.topic}: {each.problem}" for each in plan.refusals),
            hint=" ".join(f"For {each.topic}, {each.remedy}." for each in plan.refusals),
        )
    for change in plan.changes:
        _make(platform, change)
    publications = [change for change in plan.changes if isinstance(change, Publish)]
    if publications:
        _publish(platform, declared, publications)


def _find(registry: RegistryClient, subject: str, schema: Schema) -> int | Registered | None:
    """Return the schema's id if it is registered, else the subject's newest version, if there is one.

    The registry compares texts: a schema written in another order is only found by comparing data.
    """
    schema_id = registry.id_of(subject, schema)
    if schema_id is not None:
        return schema_id
    newest = registry.latest(subject)
    return newest.schema_id if newest is not None and newest.schema == schema else newest


def _conflicts(registry: RegistryClient, topic: Topic, newest: Registered) -> list[str]:
    """Return why the registry refuses the declared schema after the newest; empty when it does not.

    Apicurio says only that it does, so the differences speak.
    """
    reasons = registry.conflicts(subject_of(topic.name), topic.schema)
    if reasons is None:
        return []
    return reasons or changes(newest.schema, topic.schema) or ["an older version forbids it"]


def _make(platform: Platform, change: Change) -> None:
    match change:
        case CreateTopic(name, partitions, config):
            platform.admin.create_topic(name, partitions, config)
        case AlterTopic(name, _, after):
            platform.admin.set_topic_config(name, after)
        case RegisterSchema(name, topic):
            platform.registry.register(subject_of(name), topic.schema)
        case SetLevel(_, topic, _, level):
            platform.registry.set_compatibility(level, subject_of(topic) if topic else None)


def _publish(platform: Platform, declared: Catalogue, publications: Iterable[Publish]) -> None:
    codecs = Codecs(declared, platform.registry)
    encoder = codecs.encoder(TOPIC)
    producer = platform.broker.producer()
    try:
        for change in publications:
            document = _document(declared, codecs, change)
            now_ms = platform.clock.now_ms()
            key, value = encode_entry(encoder, change.kind, change.name, document, now_ms)
            producer.send(TOPIC, key, value, timestamp_ms=now_ms, partition=0)
        producer.flush(_FLUSH_TIMEOUT_S)
    finally:
        producer.close()


def _document(declared: Catalogue, codecs: Codecs, change: Publish) -> str | None:
    """Return what to publish; None withdraws."""
    if change.kind != Topic.kind:
        window = declared.windows.get(change.name)
        return None if window is None else window.document()
    topic = declared.get(change.name)
    if topic is None:
        return None
    schema_id = None if topic.spec.managed_by else codecs.schema_id(topic)
    return Topic(topic.spec, topic.schema, schema_id).document()


def _published(platform: Platform, declared: Catalogue) -> dict[str, str]:
    """Read platform.catalogue.v1 to its end and return the documents in force by `KIND/name`.

    What is no entry is left out with a warning, as the services do: it stays in the topic, so to fail at
    it would be to fail at it for ever.
    """
    decoder = Codecs(declared, platform.registry).decoder(TOPIC)
    documents: dict[str, str] = {}
    for record in read_to_end(platform.broker, TOPIC, platform.clock):
        if is_heartbeat(record.headers):
            continue
        try:
            key, document = document_of(decoder, record)
        except DeadLetterError as error:
            _log.warning("The record at offset %d of %s is left out: %s", record.offset, TOPIC, error)
            continue
        if document is None:
            documents.pop(key, None)
        else:
            documents[key] = document
    return documents
