"""Which days are used for what: the Fraud Detection Handbook's protocol over the demo's 65 days.

days  0-29  the customers' windows fill up
days 30-36  the terminals' windows do, which look 7 days further back
days 37-43  training
days 44-50  reports of the training days come in; the model could be made on day 51
days 51-57  test
days 58-64  reports of the test days come in
"""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from payments.simulator import HISTORY_DAYS, World, WorldParameters


@dataclass(frozen=True, slots=True)
class Protocol:
    """The world to learn from and its days, all counted from 0.

    A transaction is a fraud if it was reported by the end of the delay that follows its week, as for any
    bank; the 2 % of reports that take longer than 7 days may be missed.
    """

    seed: int = 1
    first_day: int = (date(2018, 4, 1) - date(1970, 1, 1)).days
    train_start: int = 37
    week: int = 7
    top: int = 100  # of card precision: how many cards can be looked at per day
    world: WorldParameters = field(default_factory=WorldParameters)

    @property
    def train(self) -> range:
        """Days whose transactions the model learns from."""
        return range(self.train_start, self.train_start + self.week)

    @property
    def test(self) -> range:
        """Days whose transactions it is judged on: a week after the last training day."""
        start = self.train_start + 2 * self.week
        return range(start, start + self.week)

    @property
    def days(self) -> range:
        """Days whose transactions are needed at all; reports are needed until `labelled_by(test)`."""
        return range(self.test.stop)

    def labelled_by(self, days: range) -> int:
        """The day at whose start the labels of `days` are taken."""
        return days.stop + self.week

    def create_world(self) -> World:
        """Draw the world; about 0.2 s."""
        return World.create(self.seed, self.first_day, self.world)

    def to_json(self) -> dict[str, Any]:
        """Everything that the result depends on, beside the code."""
        return asdict(self)


DEMO = Protocol()
assert DEMO.labelled_by(DEMO.test) == HISTORY_DAYS  # noqa: S101 - the two are declared apart
