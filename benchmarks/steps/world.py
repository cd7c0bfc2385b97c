"""What the measured steps are given: codecs, inputs and side inputs of the simulated world, no broker."""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import yaml

from payments.decision import Thresholds
from payments.features import FEATURE_NAMES
from payments.model import KIND, LEAF_UNIT, Model, Payload, Tree
from payments.rules import RuleSet, parse_rules
from payments.simulator import (
    CLICKS,
    FRAUD_REPORTS,
    HISTORY_DAYS,
    TRANSACTIONS,
    Arrival,
    World,
    cards,
    customers,
    history,
    terminals,
)
from streamkit.catalogue import TOPIC, Catalogue
from streamkit.catalogue_entries import encode_entry
from streamkit.codecs import Codecs
from streamkit.headers import EVENT_ID, INGEST_MS, TENANT
from streamkit.records import Record
from streamkit.registry import RegistryClient, subject_of
from streamkit.side import SideInput, SideView
from streamkit.testing.registry import MemoryRegistry

SCHEMAS: Final = Path(__file__).parents[2] / "schemas"
NOW: Final = 1_790_000_000_000
RULES, MODELS = "platform.rules.v1", "platform.models.v1"
TREES, DEPTH = 100, 3  # as `kapstan train` grows them
_CDC: Final = {"customers": customers, "cards": cards, "terminals": terminals}
PER_DAY: Final = {TRANSACTIONS: 8_000, CLICKS: 4_000}  # a little less than there are


class Inputs:
    """The world of the demo with its records as the gateway, Debezium and the platform write them."""

    def __init__(
        self, registry: RegistryClient | None = None, now_ms: int = NOW, past_days: int = HISTORY_DAYS
    ) -> None:
        """Take where schemas are registered (in memory by default), the world's last day, and its days."""
        self.catalogue = Catalogue.load(SCHEMAS)
        self.registry = registry or MemoryRegistry().client()
        self._ids = {
            name: self.registry.register(subject_of(name), topic.schema)
            for name, topic in self.catalogue.items()
        }
        self.codecs = Codecs(self.catalogue, self.registry)
        self._now_ms = now_ms
        self._world = World.ending_at(now_ms, past_days=past_days)

    def events(self, topic: str, number: int) -> list[Record]:
        """Return the last days' events of a topic, ingested when they happened, as ONE partition."""
        days = number // PER_DAY[topic] + 2
        found = (a.value for a in self.arrivals(days) if a.topic == topic)
        return list(self.records(topic, islice(found, number)))

    def arrivals(self, days: int) -> Iterator[Arrival]:
        """Yield what happened in the last days, in the order of event time."""
        return history(self._world, self._now_ms, days)

    def side(self, inputs: Iterable[SideInput]) -> SideView:
        """Return a view that has read all of the world's side inputs."""
        inputs = tuple(inputs)
        view = SideView(inputs)
        for topic in view.topics:
            for record in self.records(topic, self.rows(topic)):
                view.apply(record)
        return view

    def rows(self, topic: str) -> Iterator[dict[str, Any]]:
        """Yield what a side input holds at first."""
        if topic.startswith("cdc.bank."):
            for row in _CDC[topic.removeprefix("cdc.bank.")](self._world):
                yield image(_plain(row), self._now_ms)
        elif topic == FRAUD_REPORTS:
            yield from (a.value for a in self.arrivals(14) if a.topic == topic)
        elif topic == RULES:
            yield rules(self._now_ms)
        elif topic == MODELS:
            yield model(self._now_ms)
        elif topic == TOPIC:
            yield from self._entries()

    def _entries(self) -> Iterator[dict[str, Any]]:
        decoder, encoder = self.codecs.decoder(TOPIC), self.codecs.encoder(TOPIC)
        for name, topic in self.catalogue.items():
            document = replace(topic, schema_id=self._ids[name]).document()
            yield decoder.decode(encode_entry(encoder, topic.kind, name, document, NOW)[1])

    def records(
        self, topic: str, values: Iterable[Mapping[str, Any]], ingest_ms: int | None = None
    ) -> Iterator[Record]:
        """Yield values as records, ingested when they happened unless `ingest_ms` says otherwise."""
        spec, encode = self.catalogue[topic].spec, self.codecs.encoder(topic).encode
        for offset, value in enumerate(values):
            at_ms = ingest_ms or value.get("event_time") or self._now_ms
            event_id = str(value.get(spec.event_id or "", "")).encode()
            headers = ((EVENT_ID, event_id), (INGEST_MS, b"%d" % at_ms), (TENANT, b"default"))
            key = str(value.get(spec.key, "")).encode()
            yield Record(topic, 0, offset, at_ms, key, encode(value), headers)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as Debezium has it: dates in days since the epoch."""
    return {name: v.toordinal() - 719_163 if hasattr(v, "toordinal") else v for name, v in row.items()}


def image(row: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Return a row as Debezium tells of it."""
    return {"before": None, "after": row, "op": "u", "ts_ms": now_ms}


def rules(now_ms: int, *more: dict[str, str]) -> dict[str, Any]:
    """Return the default rules, with more behind them, as they are published."""
    text = (SCHEMAS / "rules" / "default.yaml").read_text(encoding="utf-8")
    default = yaml.safe_load(text)
    found = RuleSet(parse_rules({"rules": [*default["rules"], *more]}))
    dumped = [rule.model_dump(mode="json") for rule in found.rules]
    return {"rule_set_version": found.version, "event_time": now_ms, "rules": dumped}


def model(now_ms: int, seed: int = 1) -> dict[str, Any]:
    """Return a model of the shape that training gives, drawn at random: that does not change its cost."""
    chance = random.Random(seed)
    payload = Payload(
        feature_names=list(FEATURE_NAMES),
        baseline=-5.0,
        thresholds=Thresholds(0.5, 0.9),
        trees=[_tree(chance) for _ in range(TREES)],
    ).canonical()
    return {
        "model_hash": Model(payload).hash,
        "event_time": now_ms,
        "kind": KIND,
        "feature_names": list(FEATURE_NAMES),
        "payload": payload,
        "metrics": {},
        "thresholds": {"review": 0.5, "decline": 0.9},
    }


def _tree(chance: random.Random) -> Tree:
    inner, size = 2**DEPTH - 1, 2 ** (DEPTH + 1) - 1
    return Tree(
        feature=[chance.randrange(len(FEATURE_NAMES)) if n < inner else -1 for n in range(size)],
        threshold=[chance.uniform(0, 30) for _ in range(size)],
        left=[2 * n + 1 if n < inner else 0 for n in range(size)],
        right=[2 * n + 2 if n < inner else 0 for n in range(size)],
        value=[round(chance.uniform(-0.1, 0.1) / LEAF_UNIT) * LEAF_UNIT for _ in range(size)],
    )
