"""The local store of one input partition: RocksDB, bound to the topic and namespace it was made for."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import orjson
import rocksdict

from streamkit.errors import RetryableError, StopError
from streamkit.loop.mark import MARK_KEY, Mark

# Beside the mark, which the changelog has too: what is true of this disk only.
_PLACE_KEY = b"\x00kapstan/place"
_RESERVED = (MARK_KEY, _PLACE_KEY)
_CACHE_BYTES = 16 * 1024 * 1024
_ABSENT = object()
# In raw mode keys and values are bytes; the client's types allow for its other mode.
Items = Iterable[tuple[bytes, bytes]]


_HELD = (
    "Another process of the same slot may still hold it. If it stays so, delete the folder: the state is "
    "restored from its changelog"
)
_FULL = "Make room on the disk; the service goes on by itself then"


@dataclass(frozen=True, slots=True)
class Place:
    """What the store belongs to, and how far it has read its changelog (offset, and when in ms)."""

    namespace: str
    topic: str
    topic_id: str
    changelog_id: str
    changelog_next: int = 0
    saved_ms: int = 0


class PartitionStore:
    """Committed state on disk; a CommittedState. Only one process can have it open.

    Survives kill -9. It may lose its last writes with the machine; then it is behind its changelog, as it
    always may be, and is brought up from there.
    """

    def __init__(self, path: Path, shared: "SharedMemory") -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = rocksdict.Rdict(str(path), shared.options())
        except Exception as error:  # rocksdict raises no class of its own
            raise RetryableError(
                f"cannot open the state in {path}: {error}",
                hint=_FULL if "No space left" in str(error) else _HELD,
            ) from error
        self._cache: dict[bytes, bytes | None] = {}
        self._cached_bytes = 0

    def get(self, key: bytes) -> bytes | None:
        """Return the raw value, or None."""
        value = self._cache.get(key, _ABSENT)
        if value is _ABSENT:
            value = self._db.get(key)
            if value is not None:
                self._remember(key, value)
        return value  # type: ignore[return-value]

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, raw value) with the prefix and not before `start`, in key order."""
        for key, value in cast(Items, self._db.items(from_key=max(prefix, start))):
            if not key.startswith(prefix):
                return
            if key not in _RESERVED:
                yield key, value

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], place: Place) -> None:
        """Apply changes (None deletes) and the place in one atomic write."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in changes:
            if value is None:
                batch.delete(key)
                self._cache.pop(key, None)
            else:
                batch.put(key, value)
                # What was never read, such as the marks of deduplication, would only push out what is.
                if key in self._cache:
                    self._remember(key, value)
        batch.put(_PLACE_KEY, orjson.dumps(asdict(place)))
        self._db.write(batch)

    @property
    def mark(self) -> Mark | None:
        """How far the state has come; None in a new store."""
        raw = self._db.get(MARK_KEY)
        return None if raw is None else Mark.decode(raw)

    @property
    def place(self) -> Place | None:
        """What the store belongs to; None in a new store."""
        raw = self._db.get(_PLACE_KEY)
        return None if raw is None else Place(**orjson.loads(raw))

    def close(self) -> None:
        """Release the store; another process may open it then. Closing twice is no error."""
        self._cache.clear()
        with suppress(rocksdict.DbClosedError):
            self._db.close()

    def _remember(self, key: bytes, value: bytes) -> None:
        self._cached_bytes += len(key) + len(value)
        if self._cached_bytes > _CACHE_BYTES:
            self._cache.clear()
            self._cached_bytes = len(key) + len(value)
        self._cache[key] = value


class SharedMemory:
    """RocksDB options whose block cache and write buffers all stores of a process share."""

    def __init__(self, block_cache_mb: int = 64, write_buffers_mb: int = 96) -> None:
        self._cache = rocksdict.Cache(block_cache_mb << 20)
        self._buffers = rocksdict.WriteBufferManager(write_buffers_mb << 20, False)

    def options(self) -> rocksdict.Options:
        """Return the options of one store."""
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_compression_type(rocksdict.DBCompressionType.lz4())
        options.set_write_buffer_manager(self._buffers)
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(2)
        table = rocksdict.BlockBasedOptions()
        table.set_block_cache(self._cache)
        # Most look-ups of deduplication are for keys that are not there: a filter before each table, and one
        # before the memtable (2 % of its 64 MB: 16 bits a mark), where a miss costs a fifth then.
        table.set_bloom_filter(10, False)
        options.set_memtable_whole_key_filtering(True)
        options.set_memtable_prefix_bloom_ratio(0.02)
        options.set_block_based_table_factory(table)
        return options


def check_owner(place: Place, expected: Place, path: Path) -> None:
    """Raise StopError when the store was made for another namespace, topic or generation of a topic."""
    for what, found, wanted in (
        ("namespace", place.namespace, expected.namespace),
        ("topic", place.topic, expected.topic),
        ("topic id", place.topic_id, expected.topic_id),
        ("changelog id", place.changelog_id, expected.changelog_id),
    ):
        if found != wanted:
            raise StopError(
                f"the state in {path} belongs to {what} {found!r}, not to {wanted!r}",
                topic=expected.topic,
                hint="A topic that was deleted and created again reuses offsets, so its old state would be "
                "wrong. Replay into a new namespace with `kapstan replay`, or, to start from nothing, delete "
                f"the changelog topic and {path}",
            )


def discard(path: Path) -> None:
    """Delete a store that is closed."""
    shutil.rmtree(path, ignore_errors=True)
