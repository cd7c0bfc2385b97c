"""A connection to a broker that breaks, lies, keeps silent or takes its time; needs no part, but a socket."""

import datetime as dt
import gc
import io
import socket
import struct
import threading
from contextlib import suppress

import pytest
from kio.schema.api_versions.v3.request import ApiVersionsRequest
from kio.schema.api_versions.v3.response import ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v4.request import FindCoordinatorRequest
from kio.schema.find_coordinator.v4.response import Coordinator, FindCoordinatorResponse
from kio.schema.request_header.v2.header import RequestHeader
from kio.schema.types import BrokerId
from kio.serial import entity_reader, entity_writer
from kio.static.primitive import i8, i32, i32Timedelta

from streamkit.broker import AwayError
from streamkit.kafka.wire import Link
from tests.support.waiting import until

TIMEOUT_S = 10.0
NO_WAIT = i32Timedelta.parse(dt.timedelta(0))


def framed(content):
    return struct.pack(">i", len(content)) + content


def body_of(entity):
    buffer = io.BytesIO()
    entity_writer(type(entity))(buffer, entity)
    return buffer.getvalue()


def looking_for(key):
    return FindCoordinatorRequest(key_type=i8(0), coordinator_keys=(key,))


def found(correlation, host):
    """The answer to `looking_for`, whole; an empty set of tagged fields ends its header."""
    coordinator = Coordinator(
        key="g",
        node_id=BrokerId(1),
        host=host,
        port=i32(9092),
        error_code=ErrorCode.none,
        error_message=None,
    )
    answer = FindCoordinatorResponse(throttle_time=NO_WAIT, coordinators=(coordinator,))
    return framed(struct.pack(">i", correlation) + b"\0" + body_of(answer))


class Broker:
    """Takes one connection and plays a script with it: `play(peer)`, on a thread of its own."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(TIMEOUT_S)
        self.port = self.listening.getsockname()[1]
        self.over = threading.Event()
        self.failed = []
        self._thread = None

    def plays(self, play):
        def run():
            try:
                peer = Peer(self.listening.accept()[0])
                with peer.connection:
                    play(peer)
            except Exception as error:  # noqa: BLE001 - the test's own thread tells it
                self.failed.append(error)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def close(self):
        self.over.set()
        if self._thread is not None:
            self._thread.join(2 * TIMEOUT_S)
            assert not self._thread.is_alive()
        self.listening.close()
        assert self.failed == []


class Peer:
    """The broker's end of a connection."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(TIMEOUT_S)

    def request(self):
        """The next request's bytes, without their length."""
        (length,) = struct.unpack(">i", self._exactly(4))
        return self._exactly(length)

    def says(self, content):
        self.connection.sendall(content)

    def _exactly(self, length):
        content = b""
        while len(content) < length:
            got = self.connection.recv(length - len(content))
            assert got, "the client closed the connection"
            content += got
        return content


@pytest.fixture
def broker():
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def link_to(broker):
    """`link_to(play)` is a connection to a broker that plays this script."""
    links = []

    def made(play, timeout_s=TIMEOUT_S):
        broker.plays(play)
        links.append(Link("127.0.0.1", broker.port, client_id="refiner-0", timeout_s=timeout_s))
        return links[-1]

    yield made
    for link in links:
        link.close()


def refused(link, match):
    """Asking fails so, and the connection is given up."""
    with pytest.raises(AwayError, match=match) as caught:
        link.ask(looking_for("g"), FindCoordinatorResponse)
    assert link.address in str(caught.value)
    assert not link.open
    assert not link.usable


def answering(content):
    def play(peer):
        peer.request()
        peer.says(content)

    return play


def test_a_request_is_answered(link_to):
    link = link_to(answering(found(1, "b1")))
    (coordinator,) = link.ask(looking_for("g"), FindCoordinatorResponse).coordinators
    assert (coordinator.host, coordinator.port) == ("b1", 9092)
    assert link.open


def test_a_connection_that_nobody_holds_any_more_ends_quietly(broker):
    ended = threading.Event()

    def play(peer):
        assert peer.connection.recv(1) == b""
        ended.set()

    broker.plays(play)
    cycle = [Link("127.0.0.1", broker.port, client_id="refiner-0", timeout_s=TIMEOUT_S)]
    cycle.append(cycle)
    del cycle
    # A socket that its owner left open would be a ResourceWarning here, which fails a test.
    gc.collect()
    assert ended.wait(TIMEOUT_S)


def test_a_request_has_the_header_that_kafka_asks_for(link_to):
    requests = []

    def play(peer):
        for number in (1, 2):
            requests.append(peer.request())
            peer.says(found(number, "b"))

    link = link_to(play)
    for key in ("first", "second"):
        link.ask(looking_for(key), FindCoordinatorResponse)
    for number, (content, key) in enumerate(zip(requests, ["first", "second"], strict=True), start=1):
        header, size = entity_reader(RequestHeader)(content, 0)
        assert (header.request_api_key, header.request_api_version) == (10, 4)
        assert (header.correlation_id, header.client_id) == (number, "refiner-0")
        request, _ = entity_reader(FindCoordinatorRequest)(content, size)
        assert request == looking_for(key)


def test_an_answer_with_the_older_header_is_read(link_to):
    answer = ApiVersionsResponse(error_code=ErrorCode.none, api_keys=(), throttle_time=NO_WAIT)
    link = link_to(answering(framed(struct.pack(">i", 1) + body_of(answer))))
    request = ApiVersionsRequest(client_software_name="kapstan", client_software_version="1")
    assert link.ask(request, ApiVersionsResponse) == answer


def test_an_answer_in_small_pieces_is_put_together(link_to):
    def play(peer):
        peer.request()
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in found(1, "b" * 300):
            peer.says(bytes([byte]))

    (coordinator,) = link_to(play).ask(looking_for("g"), FindCoordinatorResponse).coordinators
    assert coordinator.host == "b" * 300


def test_answers_may_be_read_in_another_order_than_asked(link_to):
    def play(peer):
        peer.request()
        peer.request()
        peer.says(found(1, "b1") + found(2, "b2"))

    link = link_to(play)
    first, second = (link.send(looking_for(key), FindCoordinatorResponse) for key in "ab")
    assert link.usable
    assert second.answer().coordinators[0].host == "b2"
    assert first.answer().coordinators[0].host == "b1"
    assert first.answer().coordinators[0].host == "b1"


def test_requests_follow_one_another_unanswered(link_to, broker):
    both = threading.Event()

    def play(peer):
        peer.request()
        peer.request()
        both.set()
        peer.says(found(1, "b1"))
        peer.says(found(2, "b2"))

    link = link_to(play)
    pending = [link.send(looking_for(key), FindCoordinatorResponse) for key in "ab"]
    assert both.wait(TIMEOUT_S)
    assert [each.answer().coordinators[0].host for each in pending] == ["b1", "b2"]


def test_an_answer_that_came_before_the_end_is_kept(link_to):
    def play(peer):
        peer.request()
        peer.request()
        peer.says(found(1, "b1"))

    link = link_to(play)
    first, second = (link.send(looking_for(key), FindCoordinatorResponse) for key in "ab")
    with pytest.raises(AwayError, match="closed the connection"):
        second.answer()
    assert first.answer().coordinators[0].host == "b1"


def test_who_waits_for_an_answer_on_a_lost_connection_is_told(link_to):
    def play(peer):
        peer.request()
        peer.request()

    link = link_to(play)
    first, second = (link.send(looking_for(key), FindCoordinatorResponse) for key in "ab")
    with pytest.raises(AwayError, match="closed the connection"):
        first.answer()
    with pytest.raises(AwayError, match="lost the connection before it answered"):
        second.answer()


@pytest.mark.parametrize("sent", [0, 2, 4, 10, -1])
def test_a_connection_closed_in_the_middle_of_an_answer_means_away(link_to, sent):
    refused(link_to(answering(found(1, "b1")[:sent])), "closed the connection")


def test_an_answer_to_something_else_means_away(link_to):
    refused(link_to(answering(found(2, "b1"))), "answered something that was not asked")


def test_a_broker_that_never_answers_means_away_after_the_timeout(link_to, broker):
    def play(peer):
        peer.request()
        assert broker.over.wait(TIMEOUT_S)

    refused(link_to(play, timeout_s=0.2), "did not answer: timed out")


def test_a_broker_that_stops_in_the_middle_means_away_after_the_timeout(link_to, broker):
    def play(peer):
        peer.request()
        peer.says(found(1, "b1")[:-1])
        assert broker.over.wait(TIMEOUT_S)

    refused(link_to(play, timeout_s=0.2), "did not answer: timed out")


def test_a_broker_that_trickles_means_away_after_the_timeout(link_to, broker):
    def play(peer):
        peer.request()
        peer.says(struct.pack(">i", 1_000))
        with suppress(OSError):
            while not broker.over.wait(0.05):
                peer.says(b"\0")

    refused(link_to(play, timeout_s=0.3), "did not answer: timed out")


@pytest.mark.parametrize("length", [2**31 - 1, 64 * 1024 * 1024 + 1, 3, 0, -1])
def test_an_answer_of_an_absurd_length_means_away(link_to, length):
    refused(link_to(answering(struct.pack(">i", length) + bytes(64))), f"answer of {length} bytes")


def test_a_server_of_another_protocol_means_away(link_to):
    refused(link_to(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")), "may not be Kafka")


@pytest.mark.parametrize("content", [b"", b"\0\0\0"], ids=["no header's end", "no body"])
def test_an_answer_that_cannot_be_read_means_away(link_to, content):
    refused(link_to(answering(framed(struct.pack(">i", 1) + content))), "cannot be read")


def test_numbers_of_requests_begin_again_after_the_last(link_to):
    link = link_to(lambda peer: peer.request())
    link._correlation = 2**31 - 1
    link.send(looking_for("g"), FindCoordinatorResponse)
    assert link.open


def test_a_host_that_no_name_can_be_means_away():
    with pytest.raises(AwayError, match="cannot be reached"):
        Link("a..b", 9092, client_id="c", timeout_s=1)


def test_a_broker_that_is_not_there_means_away():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(AwayError, match=f"127.0.0.1:{port} cannot be reached"):
        Link("127.0.0.1", port, client_id="c", timeout_s=TIMEOUT_S)


def test_a_connection_is_usable_until_the_broker_ends_it(link_to, broker):
    end = threading.Event()

    def play(peer):
        peer.request()
        peer.says(found(1, "b1"))
        assert end.wait(TIMEOUT_S)

    link = link_to(play)
    link.ask(looking_for("g"), FindCoordinatorResponse)
    assert link.usable
    end.set()
    until(lambda: not link.usable, TIMEOUT_S)
    assert link.open


def test_nothing_is_sent_on_a_closed_connection(link_to, broker):
    link = link_to(lambda peer: broker.over.wait(TIMEOUT_S))
    link.close()
    link.close()
    refused(link, "is not connected")


def test_a_request_too_large_for_a_broker_that_does_not_read_means_away(link_to, broker):
    link = link_to(lambda peer: broker.over.wait(TIMEOUT_S), timeout_s=0.2)
    request = FindCoordinatorRequest(key_type=i8(0), coordinator_keys=("g" * 30_000,) * 1000)
    with pytest.raises(AwayError, match="could not be written to: timed out"):
        link.send(request, FindCoordinatorResponse)
    assert not link.open
