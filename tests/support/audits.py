"""A broker in memory with the payments' topics, and stores beside it that a test can falsify."""

from itertools import count

import numpy as np

from audit.bronze import spans_of
from audit.kafka import Scan
from audit.offsets import EMPTY, OffsetSet
from audit.part import WHOLE
from audit.plan import DEAD_LETTERS, DECISIONS, ENRICHED, TRANSACTIONS, plan_of
from audit.run import Audit, Stores
from audit.stores import Holding, Place
from streamkit.headers import EVENT_ID, HEARTBEAT
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.testing.memory import MemoryBroker

RECORDS = 6


class Clock:
    def __init__(self):
        self._times = count()

    def monotonic(self):
        return float(next(self._times))

    def sleep(self, seconds):
        pass


class Store:
    """Stands in for bronze and OpenSearch: holds what the test says, else all that the log does."""

    def __init__(self, world):
        self.world, self.holdings, self.late = world, {}, False

    def holds(self, scan, topic=None, spans=None):
        if isinstance(scan, Scan):
            topic, spans = scan.topic, spans_of(scan)
        held = self.holdings.get(topic, self.world.log(topic))
        if spans is None:
            return held
        inside = {partition: OffsetSet.span(*each) for partition, each in spans.items()}
        return {
            place: Holding(each.offsets & inside.get(place.partition, EMPTY), each.twice)
            for place, each in held.items()
        }

    def stands(self, topic):
        return Positions() if self.late else self.world.ends(topic)


class World:
    def __init__(self, catalogue):
        self.catalogue = catalogue
        self.broker = MemoryBroker()
        for topic in (TRANSACTIONS, ENRICHED, DECISIONS, DEAD_LETTERS):
            self.broker.create_topic(topic, 1)
        self.bronze, self.search = Store(self), Store(self)
        for topic in (TRANSACTIONS, ENRICHED, DECISIONS):
            self.send(topic, *range(RECORDS))
        self.read_by_groups()

    def send(self, topic, *events, heartbeat=False, ms=0):
        producer = self.broker.producer()
        for event in events:
            headers = ((HEARTBEAT, b"1"),) if heartbeat else ((EVENT_ID, b"%d" % event),)
            producer.send(topic, None, b"v", headers, timestamp_ms=ms, partition=0)

    def read_by_groups(self):
        for group, topic in (
            ("enricher", TRANSACTIONS),
            ("fraud_scorer", ENRICHED),
            ("search_sink", DECISIONS),
            ("search_sink", DEAD_LETTERS),
        ):
            tp = TopicPartition(topic, 0)
            self.broker.group(group).offsets[tp] = self.ends(topic)[tp]

    def ends(self, topic):
        return self.broker.admin().end_offsets([TopicPartition(topic, 0)], committed_only=True)

    def log(self, topic):
        info = self.broker.admin().topics([topic])[topic]
        offsets = np.arange(self.ends(topic)[TopicPartition(topic, 0)])
        return {Place(topic, info.topic_id, 0): Holding.of(offsets)}

    def audit(self, ledger=None, part=WHOLE, **left_out):
        stores = Stores(self.broker, None, self.bronze, self.search, **left_out)
        self.told = []
        audit = Audit(stores, self.catalogue, Clock(), 5, self.told.append)
        return audit.run(plan_of(self.catalogue, DECISIONS), ledger, part)
