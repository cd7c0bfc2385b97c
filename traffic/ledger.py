"""The ledger: one JSON line for every record that the gateway acknowledged; `kapstan audit` reads it."""

from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

import orjson


class Ack(NamedTuple):
    """Where the gateway says that an event is."""

    partition: int
    offset: int


class Ledger:
    """Appends to a file; lines are handed to the operating system at `flush` and at the end."""

    def __init__(self, file: Path) -> None:
        """Make the folder if need be; raises OSError when the file cannot be written."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = file.open("ab", buffering=1 << 16)

    def add(self, topic: str, ack: Ack, event_id: str, sent_ms: int) -> None:
        """Note one acknowledged event; `sent_ms` is when it was sent first, in milliseconds."""
        line = {
            "topic": topic,
            "partition": ack.partition,
            "offset": ack.offset,
            "event_id": event_id,
            "sent_ms": sent_ms,
        }
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Hand all lines to the operating system, so that a kill of this process loses none."""
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
