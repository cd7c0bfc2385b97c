"""A topic is deleted and created again while it is read: its offsets mean nothing any more."""

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.faults.errors import NotShownError
from tests.faults.groups import admin_of
from tests.faults.refusal import Refusals
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage

TOPICS = {
    "refiner": "web.clicks.v1",
    "enricher": "payments.transactions.v1",
    "fraud_scorer": "payments.enriched.v1",
}
PARTITIONS = 4
KIND = Kind("recreate", dict.fromkeys(TOPICS, ("",)), alone=True, spends=True, weight=0.3)
_ANSWER_S = 30.0


class Recreate:
    """See the module. The victim and lake_sink both read the topic: both have to refuse."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is."""
        self._victim = step.victim
        self._topic = TOPICS[step.victim]
        said = "deleted and created again"
        self._refusals = Refusals(
            {step.victim: (said, "kapstan replay"), "lake_sink": (said, "kapstan replay")}
        )
        self._ids: list[str] = []

    def apply(self, stage: Stage) -> None:
        admin = admin_of(stage.stack)
        self._refusals.begin(stage)
        self._note_id(stage, admin)
        admin.delete_topics([self._topic])[self._topic].result(_ANSWER_S)
        stage.until(lambda: _made(admin, self._topic), _ANSWER_S, f"{self._topic} cannot be made again")
        self._note_id(stage, admin)

    def heal(self, stage: Stage) -> None:
        self._refusals.await_all(stage)

    def shown(self, stage: Stage) -> str:
        if len(set(self._ids)) != 2:
            raise NotShownError(f"{self._topic} has the ids {self._ids}")
        return f"{self._topic} had the id {self._ids[0]}, then {self._ids[1]}; its readers refused"

    def _note_id(self, stage: Stage, admin: AdminClient) -> None:
        """Keep the topic's id; a topic that was just made is not known everywhere at once."""
        found: list[str] = []

        def known() -> bool:
            found[:] = _topic_ids(admin, self._topic)
            return bool(found)

        stage.until(known, _ANSWER_S, f"{self._topic} has no id")
        self._ids += found


def _topic_ids(admin: AdminClient, topic: str) -> list[str]:
    """The topic's id, or nothing while it is not known."""
    try:
        described = admin.describe_topics(TopicCollection([topic]))[topic].result(_ANSWER_S)
    except KafkaException:
        return []
    return [str(described.topic_id)]


def _made(admin: AdminClient, topic: str) -> bool:
    try:
        admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(_ANSWER_S)
    except KafkaException:
        return False  # the one before is not gone yet
    return True


FAULT = Recreate
