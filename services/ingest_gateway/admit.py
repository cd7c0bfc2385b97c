"""Whether there is room for a request: a budget of bytes that bounds what the process holds."""

from services.ingest_gateway.errors import OVERLOADED, RefusedError


class Budget:
    """Counts the bytes of requests that are being read or wait for Kafka. Used from one thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0

    @property
    def used(self) -> int:
        """Bytes taken now."""
        return self._used

    def take(self, size: int) -> None:
        """Take room for `size` bytes; raises RefusedError, taking nothing, when there is not so much."""
        self.demand(size)
        self._used += size

    def demand(self, size: int) -> None:
        """Raise RefusedError when there is no room for `size` bytes now; takes nothing."""
        if self._used + size > self._limit:
            raise RefusedError(
                OVERLOADED,
                "The gateway holds as many requests as it may.",
                hint="Send again after Retry-After seconds.",
                retry_after_s=1,
            )

    def give_back(self, size: int) -> None:
        """Return what was taken."""
        self._used -= size
