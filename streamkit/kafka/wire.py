"""The wire: a connection to one broker in Kafka's protocol; requests may follow one another unanswered.

Layouts of requests and answers come from `kio`, which is generated from Kafka's own definitions; what stands
around them is at https://kafka.apache.org/protocol#protocol_common.
"""

import io
import socket
import struct
import time
from collections import deque
from contextlib import suppress
from select import POLLIN, poll
from typing import Any, Generic, TypeVar
from weakref import finalize

from kio.serial import entity_reader, entity_writer
from kio.serial.errors import SerialError
from kio.static.primitive import i32
from kio.static.protocol import RequestPayload, ResponsePayload

from streamkit.broker import AwayError

Answer = TypeVar("Answer", bound=ResponsePayload)

_LENGTH = struct.Struct(">i")
_LARGEST_ANSWER = 64 * 1024 * 1024
_LARGEST_CORRELATION = 2**31 - 1
# Without any, a socket would not wait at all, and say something else.
_SHORTEST_WAIT_S = 0.001


class Pending(Generic[Answer]):
    """A request that was sent; `answer` waits for what the broker says to it."""

    __slots__ = ("_link", "content", "correlation", "kind")

    def __init__(self, link: "Link", kind: type[Answer], correlation: int) -> None:
        self._link = link
        self.kind = kind
        self.correlation = correlation
        self.content = b""

    def answer(self) -> Answer:
        """Return the answer; blocks until it is there. Raises AwayError when the connection is lost."""
        if not self.content:
            self._link.read_until(self)
        return self._link.decoded(self)


class Link:
    """A connection to the broker at `host` and `port`; every wait is bounded by `timeout_s` seconds.

    Raises AwayError when the broker is not there, does not answer, or answers something else. The connection
    is closed then: what was sent on it may have been done or not.
    """

    def __init__(self, host: str, port: int, *, client_id: str, timeout_s: float) -> None:
        self.address = f"{host}:{port}"
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._correlation = 0
        self._pending: deque[Pending[Any]] = deque()
        self._socket: socket.socket | None = None
        try:
            self._socket = socket.create_connection((host, port), timeout_s)
            # As a client of librdkafka does, it ends with its user, in whatever order they are collected.
            finalize(self, self._socket.close)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, UnicodeError) as error:
            raise self._away(f"cannot be reached: {error}") from error

    @property
    def open(self) -> bool:
        """Tell whether nothing has failed yet."""
        return self._socket is not None

    @property
    def unanswered(self) -> bool:
        """Tell whether requests wait for their answers."""
        return bool(self._pending)

    @property
    def usable(self) -> bool:
        """Tell whether the broker has not ended the connection, as far as that is known without asking."""
        if self._socket is None:
            return False
        # Between requests a broker says nothing, so what there is to read is the connection's end.
        if self._pending:
            return True
        end = poll()
        end.register(self._socket, POLLIN)
        return not end.poll(0)

    def send(self, request: RequestPayload, answer: type[Answer]) -> Pending[Answer]:
        """Send a request; its answer is of the type `answer`."""
        if self._socket is None:
            raise self._away("is not connected")
        self._correlation = (self._correlation + 1) & _LARGEST_CORRELATION
        buffer = io.BytesIO(b"\0\0\0\0")
        buffer.seek(_LENGTH.size)
        header = request.__header_schema__(
            request_api_key=request.__api_key__,
            request_api_version=request.__version__,
            correlation_id=i32(self._correlation),
            client_id=self._client_id,
        )
        entity_writer(type(header))(buffer, header)
        entity_writer(type(request))(buffer, request)
        content = buffer.getbuffer()
        _LENGTH.pack_into(content, 0, len(content) - _LENGTH.size)
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(content)
        except OSError as error:
            raise self._away(f"could not be written to: {error}") from error
        pending = Pending(self, answer, self._correlation)
        self._pending.append(pending)
        return pending

    def ask(self, request: RequestPayload, answer: type[Answer]) -> Answer:
        """Send a request and wait for its answer."""
        return self.send(request, answer).answer()

    def read_until(self, wanted: Pending[Any]) -> None:
        """Read answers, which come in the order of their requests, until that of `wanted`."""
        deadline = time.monotonic() + self._timeout_s
        while not wanted.content:
            if not self._pending:
                raise self._away("lost the connection before it answered")
            (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
            if not _LENGTH.size <= length <= _LARGEST_ANSWER:
                raise self._away(f"sent an answer of {length} bytes: it may not be Kafka")
            content = self._read(length, deadline)
            pending = self._pending.popleft()
            (correlation,) = _LENGTH.unpack_from(content)
            if correlation != pending.correlation:
                raise self._away("answered something that was not asked")
            pending.content = content

    def decoded(self, pending: Pending[Answer]) -> Answer:
        """Return what an answer that was read says."""
        try:
            # The header is the correlation id and, in newer layouts, tagged fields.
            at = entity_reader(pending.kind.__header_schema__)(pending.content, 0)[1]
            return entity_reader(pending.kind)(pending.content, at)[0]
        except (SerialError, ValueError) as error:
            raise self._away(f"answered something that cannot be read: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None
        self._pending.clear()

    def _read(self, length: int, deadline: float) -> bytes:
        if self._socket is None:
            raise self._away("is not connected")
        content = bytearray(length)
        view, done = memoryview(content), 0
        while done < length:
            try:
                self._socket.settimeout(max(deadline - time.monotonic(), _SHORTEST_WAIT_S))
                got = self._socket.recv_into(view[done:])
            except OSError as error:
                raise self._away(f"did not answer: {error}") from error
            if not got:
                raise self._away("closed the connection")
            done += got
        return bytes(content)

    def _away(self, what: str) -> AwayError:
        self.close()
        return AwayError(f"Kafka at {self.address} {what}")
