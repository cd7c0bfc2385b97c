"""The object store: one request for a small file, and a commit's files written side by side."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from io import BytesIO
from typing import cast

import pyarrow as pa
from pyarrow.fs import FileSystem
from pyiceberg.io import FileIO, InputFile, OutputFile, OutputStream
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import ManifestEntry, ManifestFile


class LakeFileIO(PyArrowFileIO):
    """pyiceberg's file access through Arrow; a small file is one PUT here and not a multipart upload."""

    def _initialize_s3_fs(self, netloc: str | None) -> FileSystem:
        # pyiceberg has no property for this option; what Arrow pickles is all that it set.
        rebuild, (options,) = super()._initialize_s3_fs(netloc).__reduce__()
        return cast("FileSystem", rebuild({**options, "allow_delayed_open": True}))


class Outgoing:
    """The files of one commit on their way to the object store.

    They may be written in any order and at once: each name is new, and nothing names them before the commit.
    """

    def __init__(self, io: FileIO, pool: Executor | None = None) -> None:
        """Begin without a file; `pool` does the requests, without one each is done as it comes."""
        self.io = io
        self._pool = pool
        self._running: list[Future[None]] = []

    def put(self, address: str, content: bytes | pa.Buffer) -> None:
        """Begin to write a file; with a pool this returns at once, and `wait` says what came of it."""
        if self._pool is None:
            _write(self.io, address, content)
        else:
            self._running.append(self._pool.submit(_write, self.io, address, content))

    def new_output(self, address: str) -> OutputFile:
        """Return a file for pyiceberg to write to; it goes out when it is closed."""
        return _Held(address, self.put)

    def live_entries(self, manifests: Iterable[ManifestFile]) -> Iterator[list[ManifestEntry]]:
        """Yield the entries of each manifest without the deleted ones; reads them side by side."""

        def read(manifest: ManifestFile) -> list[ManifestEntry]:
            return manifest.fetch_manifest_entry(self.io, discard_deleted=True)

        return map(read, manifests) if self._pool is None else self._pool.map(read, manifests)

    def wait(self) -> None:
        """Return when all files are written; raises the first error, an OSError, when one could not be."""
        running, self._running = self._running, []
        for each in running:
            each.result()


class _Held(OutputFile):
    """A file that is held in memory until it is whole."""

    def __init__(self, location: str, put: Callable[[str, bytes], None]) -> None:
        super().__init__(location)
        self._put = put
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def exists(self) -> bool:
        return False

    def to_input_file(self) -> InputFile:
        raise NotImplementedError("what is on its way cannot be read")

    def create(self, overwrite: bool = False) -> OutputStream:
        del overwrite  # the name is new
        return _Stream(self.done)

    def done(self, content: bytes) -> None:
        self._length = len(content)
        self._put(self._location, content)


class _Stream(BytesIO):
    """Passes its content on when it is closed."""

    def __init__(self, done: Callable[[bytes], None]) -> None:
        super().__init__()
        self._done = done

    def close(self) -> None:
        if not self.closed:
            self._done(self.getvalue())
        super().close()


def _write(io: FileIO, address: str, content: bytes | pa.Buffer) -> None:
    with io.new_output(address).create(overwrite=True) as stream:  # no look first: the name is new
        stream.write(memoryview(content))  # type: ignore[arg-type]  # any buffer will do, without a copy
