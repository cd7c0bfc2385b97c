"""A clock that moves only when told to."""


class ManualClock:
    """See streamkit.clock.Clock; `sleep` moves the time on instead of waiting."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return milliseconds since the epoch (UTC)."""
        return self._now_ms

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._now_ms / 1000

    def sleep(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self._now_ms += int(seconds * 1000)
