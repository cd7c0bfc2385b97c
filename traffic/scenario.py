"""What a stack's simulated world is made from: drawn up once and kept, the same for every later run."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from payments.simulator import LOADED_DAYS, World
from payments.simulator.parameters import HISTORY_DAYS
from payments.simulator.world import DAY_MS

SEED = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world, the end of its loaded history, and how far a stack has got with it.

    Attributes:
        seed: of all the simulator's draws.
        first_day: simulated day 0, as days since 1970-01-01 UTC.
        history_end_ms: loaded events happened before this time; live ones at or after it.
        history_days: how many days of history are loaded, today being one of them.
        finished: stages that are complete. Kafka itself forgets the progress of a load after a week.
    """

    seed: int
    first_day: int
    history_end_ms: int
    history_days: int
    finished: tuple[str, ...] = ()

    @classmethod
    def ending_at(cls, now_ms: int, seed: int = SEED, history_days: int = LOADED_DAYS) -> Self:
        """The scenario of a stack that is filled for the first time now."""
        return cls(seed, now_ms // DAY_MS - HISTORY_DAYS + 1, now_ms, history_days)

    @classmethod
    def of(cls, file: Path, now_ms: int, seed: int = SEED, history_days: int = LOADED_DAYS) -> Self:
        """The scenario kept in `file`, which is written when it does not exist yet.

        The file goes before the first event, so a run that was cut short is finished with the same events.
        """
        if file.is_file():
            kept = json.loads(file.read_text(encoding="utf-8"))
            return cls(**{**kept, "finished": tuple(kept["finished"])})
        scenario = cls.ending_at(now_ms, seed, history_days)
        scenario.keep(file)
        return scenario

    def after(self, stage: str) -> Self:
        """The same scenario with one more stage finished."""
        return replace(self, finished=(*self.finished, stage))

    def keep(self, file: Path) -> None:
        """Write the file, whole or not at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(".new")
        half.write_text(json.dumps(asdict(self)), encoding="utf-8")
        half.replace(file)

    def world(self) -> World:
        """Draw the world; about 0.2 s."""
        return World.create(self.seed, self.first_day)
