"""The cluster as a transactional producer sees it: where partitions are led, and who coordinates what."""

import time
from contextlib import suppress

from kio.schema.api_versions.v3.request import ApiVersionsRequest
from kio.schema.api_versions.v3.response import ApiVersionsResponse
from kio.schema.find_coordinator.v4.request import FindCoordinatorRequest
from kio.schema.find_coordinator.v4.response import FindCoordinatorResponse
from kio.schema.metadata.v12.request import MetadataRequest, MetadataRequestTopic
from kio.schema.metadata.v12.response import MetadataResponse
from kio.schema.types import TopicName
from kio.static.primitive import i8

from streamkit.broker import AwayError
from streamkit.errors import StopError, StreamkitError
from streamkit.kafka.faults import PassingError, check
from streamkit.kafka.wire import Link
from streamkit.records import TopicPartition

# Of a coordinator, what it is to coordinate (https://kafka.apache.org/protocol#The_Messages_FindCoordinator).
GROUP, TRANSACTION = i8(0), i8(1)
# From this level on, a broker takes part in transactions of the second protocol (KIP-890).
_FEATURE, _LEVEL = "transaction.version", 2
_TOPICS_AFRESH_S = 60.0


class Cluster:
    """Connections to the brokers of a cluster, made when they are first wanted.

    Raises AwayError when no broker answers, and PassingError when one answers that it does not know yet.
    """

    def __init__(self, bootstrap_servers: str, client_id: str, timeout_s: float) -> None:
        self._bootstrap = [_address(entry) for entry in bootstrap_servers.split(",")]
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._links: dict[tuple[str, int], Link] = {}
        self._leaders: dict[TopicPartition, tuple[str, int]] = {}
        self._counts: dict[str, int] = {}
        self._asked = time.monotonic()
        self._coordinators: dict[tuple[int, str], tuple[str, int]] = {}

    def partitions(self, topic: str) -> int:
        """Return a topic's number of partitions; it may be as old as a minute."""
        if topic not in self._counts:
            self._learn(topic)
        return self._counts[topic]

    def leader(self, tp: TopicPartition) -> Link:
        """Return the connection to a partition's leader."""
        if tp not in self._leaders:
            self._learn(tp.topic)
        place = self._leaders.get(tp)
        if place is None:
            raise PassingError(f"{tp.topic}/{tp.partition} has no leader at present")
        return self._link(place)

    def coordinator(self, kind: i8, key: str) -> Link:
        """Return the connection to the coordinator of a group or of a transactional id."""
        place = self._coordinators.get((kind, key))
        if place is None:
            request = FindCoordinatorRequest(key_type=kind, coordinator_keys=(key,))
            (found,) = self._any().ask(request, FindCoordinatorResponse).coordinators
            check(found.error_code, f"looking for the coordinator of {key}")
            place = self._coordinators[(kind, key)] = (found.host, found.port)
        return self._link(place)

    def moved(self) -> None:
        """Forget who leads and coordinates what: a broker said that it is not it."""
        self._leaders.clear()
        self._counts.clear()
        self._coordinators.clear()

    def idle(self) -> None:
        """Tell that nothing is under way: connections that have ended and old knowledge are given up."""
        for place, link in list(self._links.items()):
            # Answers that nobody waits for any more belong to a transaction that was aborted.
            if link.unanswered or not link.usable:
                link.close()
                del self._links[place]
        if time.monotonic() - self._asked > _TOPICS_AFRESH_S:
            self._asked = time.monotonic()
            self._leaders.clear()
            self._counts.clear()

    def close(self) -> None:
        """Close all connections."""
        for link in self._links.values():
            link.close()
        self._links.clear()

    def _learn(self, topic: str) -> None:
        request = MetadataRequest(
            topics=(MetadataRequestTopic(topic_id=None, name=TopicName(topic)),),
            allow_auto_topic_creation=False,
            include_topic_authorized_operations=False,
        )
        answer = self._any().ask(request, MetadataResponse)
        places = {broker.node_id: (broker.host, int(broker.port)) for broker in answer.brokers}
        (found,) = answer.topics
        check(found.error_code, f"looking for topic {topic}")
        self._counts[topic] = len(found.partitions)
        for partition in found.partitions:
            if partition.leader_id in places:
                tp = TopicPartition(topic, int(partition.partition_index))
                self._leaders[tp] = places[partition.leader_id]

    def _any(self) -> Link:
        """Return a connection to whichever broker answers."""
        for link in self._links.values():
            if link.usable:
                return link
        *others, last = self._bootstrap
        for place in others:
            with suppress(AwayError):
                return self._link(place)
        return self._link(last)

    def _link(self, place: tuple[str, int]) -> Link:
        link = self._links.get(place)
        if link is not None and link.usable:
            return link
        if link is not None:
            link.close()
        host, port = place
        link = self._links[place] = Link(host, port, client_id=self._client_id, timeout_s=self._timeout_s)
        try:
            _check_versions(link)
        except StreamkitError:
            link.close()
            raise
        return link


def _address(entry: str) -> tuple[str, int]:
    host, _, port = entry.strip().removeprefix("PLAINTEXT://").rpartition(":")
    if not host or "://" in host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise StopError(
            f"{entry!r} in the bootstrap servers is no address", hint="Write host:port, with commas between"
        )
    return host.strip("[]"), int(port)


def _check_versions(link: Link) -> None:
    """Raise StopError unless the cluster's transactions are of the second protocol."""
    request = ApiVersionsRequest(client_software_name="kapstan", client_software_version="1")
    answer = link.ask(request, ApiVersionsResponse)
    check(answer.error_code, "asking the broker what it can do")
    levels = {feature.name: feature.max_version_level for feature in answer.finalized_features}
    level = levels.get(_FEATURE, 0)
    if level < _LEVEL:
        raise StopError(
            f"Kafka at {link.address} has {_FEATURE} {level}, and transactions here need {_LEVEL}",
            hint=f"Use Kafka 4.0 or newer, and `kafka-features.sh upgrade --feature {_FEATURE}={_LEVEL}`",
        )
