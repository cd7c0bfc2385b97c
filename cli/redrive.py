"""`kapstan dlq redrive`: sends records that were put aside back to who refused them, each once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from cli.connection import SCHEMAS, AsJson, connected
from cli.letterbox import letters
from cli.letters import Letter, chosen
from cli.options import Home, PortBase
from cli.repair import Repair, json_of
from cli.resend import GATEWAY, Gateway, event_of, resend
from cli.returning import returning
from local.services import demo_key
from local.stack import Stack
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.errors import RetryableError, StopError, StreamkitError
from streamkit.redrive import retry_of
from streamkit.redriver import AnotherRunError, Redriver
from streamkit.redrives import REDRIVES
from streamkit.serde import AvroDecoder, AvroEncoder
from streamkit.topics_apply import Platform

Patch = Annotated[Path | None, typer.Option(help="JSON with the fields to change (null takes one away).")]
Whole = Annotated[Path | None, typer.Option(help="The whole value: JSON, or its bytes as in the topic.")]


def redrive(  # noqa: PLR0913, PLR0917 - one parameter for each option
    refs: Annotated[
        list[str] | None, typer.Argument(help="References or ids from `kapstan dlq list`.")
    ] = None,
    service: Annotated[str | None, typer.Option(help="All of this service.")] = None,
    reason: Annotated[str | None, typer.Option(help="All with this reason.")] = None,
    edit: Patch = None,
    value: Whole = None,
    key: Annotated[str | None, typer.Option(help="The key it should have had.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go back.")] = False,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Send records back to the service that refused them, or through the gateway; each goes once.

    However often it is run, and whenever it is killed. Exits with 1 when one could not go.
    """
    if not refs and service is None and reason is None:
        raise typer.BadParameter("say which: references from `kapstan dlq list`, --service or --reason")
    repair = _repair(edit, value, key)
    with connected(home, port_base) as platform:
        wanted = set(refs or ())
        results = []
        with ExitStack() as opened:
            way = _Way(platform, Stack.at(home, port_base), repair, opened, dry_run=dry_run)
            for one in chosen(letters(platform), service, reason):
                if wanted and not wanted & {one.ref, one.letter_id}:
                    continue
                if not wanted and one.marker is not None and one.marker.state == "SENT":
                    continue
                results.append(_told(one, way.send, quiet=as_json))
        if unknown := wanted - {each[name] for each in results for name in ("ref", "id")}:
            raise StopError(
                f"there is no record {', '.join(sorted(unknown))}"
                + (" of that kind" if service or reason else ""),
                hint="`kapstan dlq list` shows what there is",
            )
    if as_json:
        typer.echo(json.dumps(results))
    else:
        typer.echo(f"{sum(each['done'] for each in results)} of {len(results)} records went back.")
    if not all(each["done"] or each["before"] for each in results) and not dry_run:
        raise typer.Exit(1)


class _Way:
    """The ways back, each opened when the first record takes it."""

    def __init__(
        self, platform: Platform, stack: Stack, repair: Repair, opened: ExitStack, *, dry_run: bool
    ) -> None:
        self._platform = platform
        self._stack = stack
        self._repair = repair
        self._opened = opened
        self._dry_run = dry_run
        self._catalogue = Catalogue.load(SCHEMAS)
        self._codecs = Codecs(self._catalogue, platform.registry)
        self._both: dict[str, _Both] = {}
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
        codec = self._both.setdefault(letter.topic, _Both(self._codecs, letter.topic))
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
            url = os.environ.get("KAPSTAN_GATEWAY_URL") or self._stack.url("ingest_gateway.http")
            key = os.environ.get("KAPSTAN_API_KEY")
            if key is None and not self._stack.secret_file("demo-key").is_file():
                raise StopError("there is no API key for the gateway", hint="Set KAPSTAN_API_KEY")
            key = key or demo_key(self._stack)
            client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"})
            self._gateway = Gateway(self._opened.enter_context(client))
        return self._gateway


class _Both:
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


def _repair(edit: Path | None, value: Path | None, key: str | None) -> Repair:
    if edit is not None and value is not None:
        raise typer.BadParameter("--edit and --value exclude each other")
    for path in (edit, value):
        if path is not None and not path.is_file():
            raise typer.BadParameter(f"there is no file {path}")
    try:
        patch = json_of(edit.read_bytes(), f"{edit}") if edit is not None else None
    except StopError as error:
        raise typer.BadParameter(str(error)) from error
    if edit is not None and not isinstance(patch, dict):
        raise typer.BadParameter(f"{edit} is no JSON object: it names the fields to change")
    return Repair(key, patch, value.read_bytes() if value is not None else None)


def _told(letter: Letter, send: Callable[[Letter], tuple[bool, bool, str]], *, quiet: bool) -> dict[str, Any]:
    """Send one back and say what became of it; what is wrong with one keeps no other from going."""
    try:
        done, before, said = send(letter)
    except (RetryableError, AnotherRunError):
        raise
    except StreamkitError as error:
        done, before, said = False, False, str(error)
    if not quiet:
        typer.echo(f"{letter.ref}  {said}")
    return {"ref": letter.ref, "id": letter.letter_id, "done": done, "before": before, "said": said}
