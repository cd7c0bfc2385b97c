"""Repeats: an event id counts once per tenant within a window of ingest time, bounded in state.

Marks are keyed by (half window, identity): one write per event, at most three look-ups, and old marks
lie together at the front, where they are swept away.
"""

import struct
import zlib

from streamkit.state import PartitionState

DAY_MS = 24 * 3600 * 1000

_MARK = b"\x00dedup/mark/"
_SWEPT = b"\x00dedup/swept"
_REDRIVEN = b"\x00dedup/redriven/"
_NUMBER = struct.Struct(">Q")

# One event in 64 has four times as many marks swept: sweeping keeps ahead of marking.
_SWEEP_MASK = 63
_SWEEP_AT_ONCE = 256


class Repeats:
    """Finds the repeats of one batch: `seen` for each of its events in order, then `sweep`."""

    def __init__(
        self, state: PartitionState, window_ms: int = DAY_MS, redriven_ms: int | None = None
    ) -> None:
        """Take the state, for how long an id is remembered, and when this batch's records were redriven."""
        self._state = state
        self._redriven_ms = redriven_ms
        self._window_ms = window_ms
        self._bucket = -1
        self._places: tuple[bytes, ...] = ()
        self._sweeps = 0

    def seen(self, tenant: str, event_id: str, now_ms: int) -> bool:
        """Tell whether the id was marked in the window before `now_ms`, and mark it if not.

        `now_ms` is the record's ingest time (ms since the epoch), so the answer is a function of the log.
        Clocks of gateways may differ: a record whose ingest time lies in an earlier half window than its
        repeat's is not found, so both count; that takes a clock wrong by hours.
        """
        identity = f"{tenant}\x00{event_id}".encode()
        if self._redriven_ms is not None:
            return self._seen_since(identity, now_ms, self._redriven_ms)
        bucket = now_ms * 2 // self._window_ms
        if bucket != self._bucket:
            self._bucket = bucket
            self._places = tuple(_key(b, b"") for b in (bucket, bucket - 1, bucket - 2) if b >= 0)
        get = self._state.get
        for place in self._places:
            marked = get(place + identity)
            if marked is not None and now_ms - _NUMBER.unpack(marked)[0] < self._window_ms:
                return True
        self._state.put(self._places[0] + identity, _NUMBER.pack(now_ms))
        if zlib.crc32(identity) & _SWEEP_MASK == 0:
            self._sweeps += 1
        return False

    def _seen_since(self, identity: bytes, ingest_ms: int, redriven_ms: int) -> bool:
        """Tell whether a redriven event has had its effect since it came in, and mark it if not.

        It comes long after its ingest time, so marks later than that count too, as far as they are not swept
        away; and an event that is redriven twice, from two letters, is found however much later. Its own mark
        is as of the redrive, and in two half windows: records of shortly before may still be in the input.
        """
        first, last = (ms * 2 // self._window_ms for ms in (ingest_ms, max(ingest_ms, redriven_ms)))
        if self._state.get(_REDRIVEN + identity) is not None:
            return True
        for bucket in range(max(0, first - 2), last + 1):
            marked = self._state.get(_key(bucket, identity))
            if marked is not None and ingest_ms - _NUMBER.unpack(marked)[0] < self._window_ms:
                return True
        now = _NUMBER.pack(max(ingest_ms, redriven_ms))
        self._state.put(_REDRIVEN + identity, now)
        for bucket in (last, max(0, last - 1)):
            self._state.put(_key(bucket, identity), now)
        return False

    def sweep(self) -> None:
        """Remove a bounded number of marks that no later event asks for.

        Once a batch: a scan passes over all that the batch has changed. It goes on where the last one ended,
        because one from the front would pass all that was deleted before.
        """
        if not self._sweeps:
            return
        state, most = self._state, self._sweeps * _SWEEP_AT_ONCE
        end = _key(max(self._bucket - 2, 0), b"")
        old: list[bytes] = []
        for key, _ in state.scan(_MARK, start=state.get(_SWEPT) or b""):
            if len(old) == most or key >= end:
                break
            old.append(key)
        for key in old:
            state.delete(key)
        if old:
            state.put(_SWEPT, old[-1])
        self._sweeps = 0


def _key(bucket: int, identity: bytes) -> bytes:
    return _MARK + _NUMBER.pack(bucket) + identity
