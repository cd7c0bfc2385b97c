"""The admin client on librdkafka; the contract stands in streamkit.broker.Admin."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import confluent_kafka as ck
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import admin as ck_admin

from streamkit.broker import TopicInfo
from streamkit.kafka.faults import Refusals, coordinated, explained, meaning
from streamkit.kafka.settings import COORDINATOR_TIMEOUT_S, REQUEST_TIMEOUT_S, Settings
from streamkit.positions import Positions
from streamkit.records import TopicPartition

_client: Any = ck_admin  # its types do not export what it documents

# A topic that was made a moment ago, or a partition whose leader is changing.
_NOT_YET = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError._NOENT,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
}


class KafkaAdmin:
    """Asks about and makes topics; see streamkit.broker.Admin."""

    def __init__(self, settings: Settings, refusals: Refusals) -> None:
        self._admin: Any = ck_admin.AdminClient({**settings, "error_cb": refusals})  # type: ignore[dict-item]
        self._refusals = refusals

    def close(self) -> None:
        """Release the client; no other method may be called afterwards."""
        self._admin = None

    def topics(self, names: Sequence[str] | None = None) -> dict[str, TopicInfo]:
        with explained("asking for topics"):
            if names is None:
                wanted: Sequence[str] = self._answering()
            else:
                wanted = names
                if wanted:
                    self._answering(wanted[0])
            if not wanted:
                return {}
            answers = self._admin.describe_topics(
                ck.TopicCollection(list(wanted)), request_timeout=REQUEST_TIMEOUT_S
            )
        found: dict[str, TopicInfo] = {}
        for name, future in answers.items():
            try:
                description = self._result(future, "asking for topics")
            except KafkaException as exception:
                if exception.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise meaning(exception.args[0], f"asking for topic {name}") from exception
            else:
                found[name] = TopicInfo(_topic_id(description), len(description.partitions))
        return found

    def create_topic(self, name: str, partitions: int, config: Mapping[str, str]) -> None:
        topic = ck_admin.NewTopic(  # type: ignore[attr-defined]
            name, num_partitions=partitions, config=dict(config)
        )
        answers = self._admin.create_topics([topic], request_timeout=REQUEST_TIMEOUT_S)
        try:
            self._result(answers[name], "creating topics")
        except KafkaException as exception:
            if exception.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise meaning(exception.args[0], f"creating topic {name}") from exception
        # The answer comes before each broker knows the topic and its partitions' leaders.
        self.end_offsets([TopicPartition(name, p) for p in range(partitions)], committed_only=False)

    def delete_topics(self, names: Sequence[str]) -> None:
        if not names:
            return
        answers = self._admin.delete_topics(
            list(names), operation_timeout=REQUEST_TIMEOUT_S, request_timeout=REQUEST_TIMEOUT_S
        )
        for name, future in answers.items():
            try:
                self._result(future, "deleting topics")
            except KafkaException as exception:
                if exception.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise meaning(exception.args[0], f"deleting topic {name}") from exception

    def groups(self) -> list[str]:
        with explained("asking for groups"):
            self._answering()
            answer = self._result(
                self._admin.list_consumer_groups(request_timeout=REQUEST_TIMEOUT_S), "asking for groups"
            )
        return [each.group_id for each in answer.valid]

    def delete_group(self, name: str) -> bool:
        answers = self._admin.delete_consumer_groups([name], request_timeout=REQUEST_TIMEOUT_S)
        try:
            self._result(answers[name], "deleting a group")
        except KafkaException as exception:
            code = exception.args[0].code()
            if code == KafkaError.NON_EMPTY_GROUP:
                return False
            if code != KafkaError.GROUP_ID_NOT_FOUND:
                raise meaning(exception.args[0], f"deleting group {name}") from exception
        return True

    def topic_configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        resources = [_client.ConfigResource(_client.ResourceType.TOPIC, name) for name in names]
        with explained("asking for topic settings"):
            answers = self._admin.describe_configs(resources, request_timeout=REQUEST_TIMEOUT_S)
            entries = {
                resource.name: self._result(future, "asking for topic settings")
                for resource, future in answers.items()
            }
        return {name: {key: entry.value for key, entry in found.items()} for name, found in entries.items()}

    def set_topic_config(self, name: str, config: Mapping[str, str]) -> None:
        changes = [
            _client.ConfigEntry(key, value, incremental_operation=_client.AlterConfigOpType.SET)
            for key, value in config.items()
        ]
        resource = _client.ConfigResource(_client.ResourceType.TOPIC, name, incremental_configs=changes)
        with explained(f"changing the settings of topic {name}"):
            answers = self._admin.incremental_alter_configs([resource], request_timeout=REQUEST_TIMEOUT_S)
            self._result(answers[resource], f"changing the settings of topic {name}")

    def end_offsets(self, partitions: Sequence[TopicPartition], *, committed_only: bool) -> Positions:
        latest = ck_admin.OffsetSpec.latest()  # type: ignore[attr-defined, no-untyped-call]
        level = ck.IsolationLevel.READ_COMMITTED if committed_only else ck.IsolationLevel.READ_UNCOMMITTED
        return self._offsets(partitions, latest, level, "asking for end offsets")

    def start_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        earliest = ck_admin.OffsetSpec.earliest()  # type: ignore[attr-defined, no-untyped-call]
        level = ck.IsolationLevel.READ_UNCOMMITTED
        return self._offsets(partitions, earliest, level, "asking for start offsets")

    def offsets_at(self, partitions: Sequence[TopicPartition], time_ms: int) -> Positions:
        at = ck_admin.OffsetSpec.for_timestamp(time_ms)  # type: ignore[attr-defined]
        found = self._offsets(
            partitions, at, ck.IsolationLevel.READ_UNCOMMITTED, "asking for offsets by time"
        )
        ends = self.end_offsets(partitions, committed_only=False)
        return Positions({tp: offset if offset >= 0 else ends[tp] for tp, offset in found.items()})

    def _offsets(self, partitions: Sequence[TopicPartition], spec: Any, level: Any, doing: str) -> Positions:
        if not partitions:
            return Positions()
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        with explained(doing):
            self._answering(partitions[0].topic)
        while True:
            try:
                return self._listed(partitions, spec, level, doing)
            except KafkaException as exception:
                passing = exception.args[0].code() in _NOT_YET and time.monotonic() < deadline
                if not passing:
                    raise meaning(exception.args[0], doing) from exception
                time.sleep(0.05)
                # librdkafka keeps "no leader" in its cache until the metadata are asked for as a whole.
                with explained("asking for topics"):
                    self._admin.list_topics(timeout=REQUEST_TIMEOUT_S)

    def _listed(self, partitions: Sequence[TopicPartition], spec: Any, level: Any, doing: str) -> Positions:
        requests = {ck.TopicPartition(*tp): spec for tp in partitions}
        answers = self._admin.list_offsets(requests, isolation_level=level, request_timeout=REQUEST_TIMEOUT_S)
        return Positions(
            {
                TopicPartition(tp.topic, tp.partition): self._result(future, doing).offset
                for tp, future in answers.items()
            }
        )

    def group_offsets(self, group: str, partitions: Sequence[TopicPartition]) -> Positions:
        if not partitions:
            return Positions()
        asked = ck.ConsumerGroupTopicPartitions(group, [ck.TopicPartition(*tp) for tp in partitions])
        with explained(f"asking for the offsets of group {group}"):
            self._answering(partitions[0].topic)
            self._coordinated(group)
            answers = self._admin.list_consumer_group_offsets([asked], request_timeout=COORDINATOR_TIMEOUT_S)
            answer = self._result(answers[group], "asking for group offsets")
        entries = [e for e in answer.topic_partitions if e.error is None and e.offset >= 0]
        return Positions({TopicPartition(e.topic, e.partition): e.offset for e in entries})

    def _coordinated(self, group: str) -> None:
        """Wait until a group's coordinator knows of it; a KafkaException when it does not in time.

        librdkafka 2.16 ends the process (a segmentation fault in rd_kafka_cgrp_op) when a coordinator that
        is not ready, as at the first use of a cluster, is asked for offsets. To describe a group is safe.
        """
        coordinated()(self._described, group)

    def _described(self, group: str) -> None:
        answers = self._admin.describe_consumer_groups([group], request_timeout=COORDINATOR_TIMEOUT_S)
        try:
            self._result(answers[group], "asking for a group")
        except KafkaException as exception:
            if exception.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise

    def _answering(self, topic: str | None = None) -> list[str]:
        """Return the names of all topics, or `topic`, once a broker answers; a KafkaException when none does.

        Asked first by whatever is asked while a service runs: librdkafka 2.16 ends the process ("Assertion
        eonce->refcnt > 0 failed") when its asynchronous requests time out as a broker comes back.
        """
        self._admin.poll(0)
        return list(self._admin.list_topics(topic, timeout=REQUEST_TIMEOUT_S).topics)

    def _result(self, future: "Future[Any]", doing: str) -> Any:
        try:
            return future.result(timeout=2 * REQUEST_TIMEOUT_S)
        except TimeoutError as error:
            self._refusals.check()
            raise meaning(KafkaError(KafkaError._TIMED_OUT), doing) from error


def _topic_id(description: Any) -> str:
    """Return the id as Kafka's own tools write it; librdkafka's has "/", which parts a SOURCE header."""
    return str(description.topic_id).translate(str.maketrans("+/", "-_"))
