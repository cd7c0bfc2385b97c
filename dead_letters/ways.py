"""The ways back of records that were put aside: to the service that refused them, or through the gateway."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import httpx

from dead_letters.letter import Letter
from dead_letters.repair import Repair
from dead_letters.resend import GATEWAY, Gateway, event_of, resend
from dead_letters.returning import returning
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.redrive import retry_of
from streamkit.redriver import Redriver
from streamkit.redrives import REDRIVES
from streamkit.serde import AvroDecoder, AvroEncoder
from streamkit.topics_apply import Platform


class Ways:
    """The ways back, each opened when the first record takes it."""

    def __init__(
        self,
        platform: Platform,
        catalogue: Catalogue,
        client: Callable[[], httpx.Client],
        repair: Repair,
        opened: ExitStack,
        *,
        dry_run: bool,
    ) -> None:
        """Take the clients, and what makes the gateway's; `opened` closes what is opened on the way."""
        self._platform = platform
        self._client = client
        self._repair = repair
        self._opened = opened
        self._dry_run = dry_run
        self._catalogue = catalogue
        self._codecs = Codecs(catalogue, platform.registry)
        self._both: dict[str, _Codec] = {}
        self._redriver: Redriver | None = None
        self._gateway: Gateway | None = None

    def send(self, letter: Letter) -> tuple[bool, bool, str]:
        """Send one back; returns whether it went now, whether it had before, and what to say of it."""
        if letter.marker is not None and letter.marker.state == "SENT":
            return False, True, "had gone back before"
        return self._through_gateway(letter) if letter.service == GATEWAY else self._to_service(letter)

    def _through_gateway(self, letter: Letter) -> tuple[bool, bool, str]:
        topic = self._catalogue[letter.topic]
        if self._dry_run:
            event_of(letter, self._repair, topic)
            return False, False, "would go through the gateway"
        gateway, redriver = self._opened_gateway(), self._opened_redriver()
        now = redriver.markers.get(letter.letter_id)
        if now is not None and now.state == "SENT":
            return False, True, "had gone back before"
        return True, False, resend(letter, self._repair, topic, redriver, gateway, self._platform.clock)

    def _to_service(self, letter: Letter) -> tuple[bool, bool, str]:
        topic = self._catalogue[letter.topic]
        names = [letter.topic, retry_of("", letter.service, letter.topic)]
        codec = self._both.setdefault(letter.topic, _Codec(self._codecs, letter.topic))
        known = self._platform.admin.topics(names)
        one = returning(letter, self._repair, codec, topic.spec.event_id, known)
        if self._dry_run:
            return False, False, f"would go back to {letter.service}"
        if not self._opened_redriver().redrive(one):
            return False, True, "had gone back before"
        return True, False, f"went back to {letter.service}"

    def _opened_redriver(self) -> Redriver:
        if self._redriver is None:
            encode, decode = self._codecs.encoder(REDRIVES).encode, self._codecs.decoder(REDRIVES).decode
            redriver = Redriver(self._platform.broker, self._platform.clock, encode, decode)
            self._opened.enter_context(closing(redriver))
            redriver.open()
            self._redriver = redriver
        return self._redriver

    def _opened_gateway(self) -> Gateway:
        if self._gateway is None:
            self._gateway = Gateway(self._opened.enter_context(self._client()))
        return self._gateway


class _Codec:
    """The encoder and decoder of one topic; the encoder is asked for only when something is encoded."""

    def __init__(self, codecs: Codecs, topic: str) -> None:
        self._codecs = codecs
        self._topic = topic
        self._decoder: AvroDecoder = codecs.decoder(topic)
        self._encoder: AvroEncoder | None = None

    def decode(self, value: bytes) -> Any:
        return self._decoder.decode(value)

    def encode(self, datum: Any) -> bytes:
        if self._encoder is None:
            self._encoder = self._codecs.encoder(self._topic)
        return self._encoder.encode(datum)
