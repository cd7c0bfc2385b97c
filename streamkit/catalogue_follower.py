"""Keeps the catalogue in force in memory, for services that are not transforms."""

import logging
from threading import Event, Thread
from typing import Self

from streamkit.broker import Broker, Consumer
from streamkit.catalogue import TOPIC, Catalogue
from streamkit.clock import Clock
from streamkit.errors import DeadLetterError, RetryableError, StreamkitError
from streamkit.records import Record, TopicPartition
from streamkit.side import Decode

_PARTITION = TopicPartition(TOPIC, 0)
_POLL_S = 0.5
_PAUSE_S = 1.0
_GATHER_MS = 500

_log = logging.getLogger(__name__)


class CatalogueFollower:
    """Reads platform.catalogue.v1 from its beginning and then follows it, in a daemon thread.

    A topic that was applied is in `catalogue` within a second. While Kafka is away the last catalogue
    stays. A transform takes `catalogue_side_input` instead, so that its positions cover the catalogue.
    """

    def __init__(self, broker: Broker, decode: Decode, clock: Clock) -> None:
        """Take the broker, an `EntryDecoder` and the clock; opens nothing yet."""
        self._broker = broker
        self._decode = decode
        self._clock = clock
        self._rows: dict[str, object] = {}
        self._catalogue = Catalogue({})
        self._next = 0
        self._caught_up = Event()
        self._stopped = Event()
        self._failure: str | None = None
        self._thread = Thread(target=self._run, name="catalogue", daemon=True)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue as of the last entry read; a new object whenever it has changed."""
        return self._catalogue

    def unready(self) -> str | None:
        """Return None once what was published at start has been read, else one sentence (a health check).

        A follower that has ended by a fault says so: the catalogue it left is not kept up any more.
        """
        if self._failure is not None:
            return self._failure
        return None if self._caught_up.is_set() else f"{TOPIC} has not been read to its end yet."

    def wait(self, timeout_s: float) -> bool:
        """Block until all that was published has been read; return False when that takes longer."""
        return self._caught_up.wait(timeout_s)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 - the thread's end: who relies on the catalogue must hear of it
            self._failure = f"{TOPIC} is no longer followed, because of {error!r}; restart the service."
            _log.exception("The catalogue is no longer followed")

    def _follow(self) -> None:
        while not self._stopped.is_set():
            consumer = self._broker.consumer(gather_ms=_GATHER_MS)
            try:
                consumer.assign({_PARTITION: self._next})
                self._read_on(consumer)
            except RetryableError as error:
                _log.warning("The catalogue cannot be followed for now: %s", error)
                self._clock.sleep(_PAUSE_S)
            except StreamkitError as error:
                self._failure = str(error)
                _log.exception("The catalogue cannot be followed")
                return
            finally:
                consumer.close()

    def _read_on(self, consumer: Consumer) -> None:
        while not self._stopped.is_set():
            self.step(consumer, _POLL_S)

    def step(self, consumer: Consumer, timeout_s: float) -> None:
        """Read once and take what was read; the thread's loop, and tests turn it by hand."""
        polled = consumer.consume(500, timeout_s)
        changed = [self._take(record) for record in polled.records]
        if polled.records:
            self._next = polled.records[-1].offset + 1
        if any(changed):
            self._catalogue = Catalogue.of(self._rows.values())
        if _PARTITION in polled.ends:
            self._caught_up.set()

    def _take(self, record: Record) -> bool:
        try:
            row = self._decode(record)
        except DeadLetterError as error:
            # One bad entry must not cost the others; what it declared stays as it was.
            _log.warning("Catalogue entry at offset %d is left out: %s", record.offset, error)
            return False
        if row is None:
            return False
        key, value = row
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = value
        return True
