"""The running platform as the demo uses it: its clients and its files."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local.places import repository
from local.stack import Stack
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient


@dataclass(frozen=True)
class Platform:
    """Clients of one stack; nothing is asked before it is needed."""

    stack: Stack

    @property
    def scenario_file(self) -> Path:
        """Where the stack's scenario is kept: with its data, so that a reset forgets both."""
        return self.stack.data("traffic") / "scenario.json"

    @property
    def ledger_file(self) -> Path:
        """Where the live senders note what the gateway acknowledged."""
        return self.stack.data("traffic") / "ledger.jsonl"

    @property
    def schemas(self) -> Path:
        """The folder with the catalogue."""
        return repository() / "schemas"

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue of this checkout."""
        return Catalogue.load(self.schemas)

    @cached_property
    def broker(self) -> KafkaBroker:
        """Makes clients of Kafka; those of the demo stay silent, errors reach the caller."""
        return KafkaBroker(self.stack.bootstrap_servers, {"log_level": 0})

    @cached_property
    def codecs(self) -> Codecs:
        """Codecs of the catalogue's topics."""
        return Codecs(self.catalogue, RegistryClient(self.stack.registry_url))
