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
_NUMBER = struct.Struct(">Q")

# One call in 64 sweeps, and then as many marks as four times that: sweeping keeps ahead of marking.
_SWEEP_MASK = 63
_SWEEP_AT_ONCE = 256


def seen(state: PartitionState, tenant: str, event_id: str, now_ms: int, window_ms: int = DAY_MS) -> bool:
    """Tell whether the id was marked in the window before `now_ms`, and mark it if not.

    `now_ms` is the record's ingest time (ms since the epoch), so the answer is a function of the log.
    Clocks of gateways may differ: a record whose ingest time lies in an earlier half window than its
    repeat's is not found, so both count; that takes a clock wrong by hours.
    """
    identity = f"{tenant}\x00{event_id}".encode()
    bucket = now_ms * 2 // window_ms
    for candidate in (bucket, bucket - 1, bucket - 2):
        marked = state.get(_key(candidate, identity)) if candidate >= 0 else None
        if marked is not None and now_ms - _NUMBER.unpack(marked)[0] < window_ms:
            return True
    state.put(_key(bucket, identity), _NUMBER.pack(now_ms))
    if zlib.crc32(identity) & _SWEEP_MASK == 0:
        _sweep(state, bucket - 2)
    return False


def _key(bucket: int, identity: bytes) -> bytes:
    return _MARK + _NUMBER.pack(bucket) + identity


def _sweep(state: PartitionState, first_kept: int) -> None:
    """Remove a bounded number of marks of halves before `first_kept`, going on where the last sweep ended.

    The place is kept, because a scan from the front would pass all that was deleted before.
    """
    end = _key(max(first_kept, 0), b"")
    old: list[bytes] = []
    for key, _ in state.scan(_MARK, start=state.get(_SWEPT) or b""):
        if len(old) == _SWEEP_AT_ONCE or key >= end:
            break
        old.append(key)
    for key in old:
        state.delete(key)
    if old:
        state.put(_SWEPT, old[-1])
