"""What Kafka clients say, as log lines of the service, and no message more often than people can use it.

By itself librdkafka writes to stderr, which would not be JSON; and while a broker is away each client says so
several times a second.
"""

import logging
import re
import time
from collections.abc import Callable
from threading import Lock
from typing import Final

EVERY_S: Final = 10.0
"""A message is logged once in so many seconds; the next time with the number of those in between."""

_MOST_KINDS: Final = 500
# Times, ports, numbers of clients: what differs between two messages that say the same.
_VARYING: Final = re.compile(r"\d+")
_SUPPRESSED: Final = re.compile(r", \d+ identical error\(s\) suppressed")

_log = logging.getLogger(__name__)


class Calm:
    """Logs a message unless one like it was logged a moment ago, whichever client said it; thread-safe."""

    def __init__(
        self, write: Callable[[int, str], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._monotonic = monotonic
        self._lock = Lock()
        # By kind of message: when it was last logged, and how many were left out since.
        self._kinds: dict[str, tuple[float, int]] = {}

    def say(self, level: int, message: str) -> None:
        """Log `message` at once, or count it."""
        kind = _VARYING.sub("#", _SUPPRESSED.sub("", message))
        now = self._monotonic()
        with self._lock:
            since, left_out = self._kinds.get(kind, (float("-inf"), 0))
            if now - since < EVERY_S:
                self._kinds[kind] = (since, left_out + 1)
                return
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            self._kinds[kind] = (now, 0)
        more = f" ({left_out} more like it in {now - since:.0f} s)" if left_out else ""
        self._write(level, message + more)

    def log(self, level: int, _form: str, facility: str, client: str, text: str) -> None:
        """Take a line of a client; the signature is that of confluent-kafka's `logger` setting."""
        del client  # each of a service's clients says the same
        self.say(level, f"Kafka client: {facility}: {text}")


calm: Final = Calm(_log.log)
"""Shared by all clients of the process."""
