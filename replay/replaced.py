"""Rules or a model from a file, which a replay has in the place of all that was ever in force."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from payments.model import ModelError
from payments.rules import RuleSet, RuleSetError, parse_rules
from replay.errors import ReplayRefusedError
from replay.targets import Target
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.outputs import qualified
from streamkit.topics_apply import Platform
from training.trained import TrainedModel

RULES, MODELS = "platform.rules.v1", "platform.models.v1"
_READER = "fraud_scorer"
_FLUSH_S = 20.0


@dataclass(frozen=True, slots=True)
class Files:
    """Files that a replay reads in the place of a topic; None leaves the topic."""

    rules: Path | None = None
    model: Path | None = None

    def __bool__(self) -> bool:
        return self.rules is not None or self.model is not None

    def values(self, now_ms: int) -> dict[str, dict[str, Any]]:
        """Return by topic the record that each file is; raises ReplayRefusedError for one that is none."""
        found = {}
        if self.rules is not None:
            found[RULES] = _rules(self.rules, now_ms)
        if self.model is not None:
            found[MODELS] = _model(self.model, now_ms)
        return found


def check_reads(target: Target, files: Files) -> None:
    """Raise ReplayRefusedError when a target reads neither rules nor models."""
    if files and target.name != _READER:
        raise ReplayRefusedError(
            f"{target.name} reads neither rules nor a model", hint=f"Give --rules and --model to {_READER}"
        )


def replaced(namespace: str, values: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return by live's topic the one that a replay reads in its place."""
    return {topic: qualified(namespace, topic) for topic in values}


def publish(
    platform: Platform, catalogue: Catalogue, namespace: str, values: dict[str, dict[str, Any]]
) -> None:
    """Make the topics of `replaced` with one record each, if they do not hold it yet; blocks."""
    codecs = Codecs(catalogue, platform.registry)
    for topic, value in values.items():
        there, spec = qualified(namespace, topic), catalogue[topic].spec
        platform.admin.create_topic(there, 1, {"retention.ms": "-1"})
        producer = platform.broker.producer()
        try:
            encoded, key = codecs.encoder(topic).encode(value), str(value[spec.key]).encode()
            producer.send(there, key, encoded, timestamp_ms=value[spec.event_time], partition=0)
            producer.flush(_FLUSH_S)
        finally:
            producer.close()


def _rules(file: Path, now_ms: int) -> dict[str, Any]:
    try:
        found = RuleSet(parse_rules(yaml.safe_load(file.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RuleSetError) as error:
        raise ReplayRefusedError(
            f"{file} holds no rules: {error}", hint="`kapstan rules check FILE` says what is wrong with them"
        ) from error
    rules = [rule.model_dump(mode="json") for rule in found.rules]
    return {"rule_set_version": found.version, "event_time": now_ms, "rules": rules}


def _model(file: Path, now_ms: int) -> dict[str, Any]:
    try:
        data = json.loads(file.read_bytes())
        return TrainedModel(data["payload"].encode(), data["metrics"]).as_record(now_ms)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ModelError) as error:
        raise ReplayRefusedError(
            f"{file} holds no model: {error or type(error).__name__}",
            hint="Give a file that `kapstan train` has written to models/ in its cache",
        ) from error
