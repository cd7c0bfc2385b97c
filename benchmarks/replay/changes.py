"""A world that changes while decisions are made: rows, rules and the model, a little at a time."""

import random
from typing import Any

from benchmarks.replay.log import CDC, Log, now_ms
from benchmarks.steps.world import MODELS, RULES, image, model, rules

_RULES_EVERY, _MODEL_EVERY = 3, 10


class Changes:
    """Changes by turns, the same ones for the same seed; labels come with the transactions (see Log)."""

    def __init__(self, log: Log, seed: int) -> None:
        """Take the log, whose first rows stand already."""
        self._log = log
        self._chance = random.Random(seed)
        self._rows = {topic: [each["after"] for each in log.inputs.rows(topic)] for topic in CDC}
        self.made = 0

    def make(self, number: int) -> None:
        """Write a change of each table, now and then of the rules and the model; blocks."""
        for topic, rows in self._rows.items():
            row = self._chance.choice(rows)
            self._changed(topic, row)
            self._put(topic, image(row, now_ms()))
        if number % _RULES_EVERY == 0:
            limit = 2_000 + self._chance.randrange(20_000)
            more = {"code": "over", "when": f"amount_minor > {limit}", "outcome": "REVIEW", "text": "Much."}
            self._put(RULES, rules(now_ms(), more))
        if number % _MODEL_EVERY == 0:
            self._put(MODELS, model(now_ms(), seed=number + 2))

    def _changed(self, topic: str, row: dict[str, Any]) -> None:
        if topic.endswith("customers"):
            row["credit_limit_minor"] = 100 * self._chance.randrange(1_000, 50_000)
        elif topic.endswith("cards"):
            row["status"] = self._chance.choice(("active", "blocked"))
        else:
            row["category"] = self._chance.choice(("fuel", "grocery", "travel"))

    def _put(self, topic: str, value: dict[str, Any]) -> None:
        self._log.put(topic, value)
        self.made += 1
