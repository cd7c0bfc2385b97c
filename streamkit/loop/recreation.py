"""Recreation: noticing that a topic was deleted and created again while it is read."""

from collections.abc import Mapping

from streamkit.aside import Ask, Regular
from streamkit.broker import Admin
from streamkit.clock import Clock
from streamkit.errors import StopError
from streamkit.positions import recreated

_CHECK_EVERY_S = 5.0


class Recreation:
    """Asks for the ids of topics every five seconds, aside.

    The client does not notice: it goes on reading the new topic at the old offset, if that exists there.
    """

    def __init__(self, admin: Admin, ask: Ask, clock: Clock) -> None:
        self._admin = admin
        self._checking = Regular[StopError | None](ask, clock, _CHECK_EVERY_S)

    def check(self, ids: Mapping[str, str]) -> None:
        """Raise StopError when a topic has another id than it had; RetryableError when Kafka did not answer.

        Blocks no longer than `ask` does.

        Args:
            ids: the ids of the topics as they were when their positions were taken; not changed later.
        """
        problem = self._checking.answer(lambda: self._recreated(ids))
        if problem is not None:
            raise problem

    def _recreated(self, ids: Mapping[str, str]) -> StopError | None:
        for topic, info in self._admin.topics(list(ids)).items():
            if info.topic_id != ids[topic]:
                return recreated(topic, ids[topic], info.topic_id)
        return None
