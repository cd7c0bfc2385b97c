"""A copy of the project's schemas that tests may add topics to and apply to a running stack."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from streamkit.catalogue import Catalogue
from streamkit.clock import SystemClock
from streamkit.codecs import Codecs
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient
from streamkit.topics import Plan, plan
from streamkit.topics_apply import Platform, apply, observe
from tests.support.catalogues import SCHEMAS


class Applied:
    """`kapstan topics` against a stack, with schemas of the test's own."""

    def __init__(self, stack, folder: Path) -> None:
        self.stack = stack
        self.schemas = folder / "schemas"
        for name in ("topics", "avro", "windows"):
            shutil.copytree(SCHEMAS / name, self.schemas / name)
        self.broker = KafkaBroker(stack.bootstrap_servers)
        self.registry = RegistryClient(stack.registry_url)
        self.platform = Platform(self.broker, self.broker.admin(), self.registry, SystemClock())

    def kapstan(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the real command against the stack."""
        environ = {
            "KAPSTAN_BOOTSTRAP_SERVERS": self.stack.bootstrap_servers,
            "KAPSTAN_REGISTRY_URL": self.stack.registry_url,
        }
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            env={**os.environ, **environ},
            cwd=SCHEMAS.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    def plan(self, schemas: Path | None = None) -> Plan:
        """Return what `kapstan topics diff` would show."""
        self.declared = Catalogue.load(schemas or self.schemas)
        return plan(self.declared, observe(self.platform, self.declared))

    def apply(self, schemas: Path | None = None) -> Plan:
        """Do what `kapstan topics apply` does; return what was done."""
        done = self.plan(schemas)
        apply(self.platform, self.declared, done)
        return done

    def codecs(self) -> Codecs:
        """Codecs of the schemas as they stand in the folder."""
        return Codecs(Catalogue.load(self.schemas), self.registry)

    def close(self) -> None:
        """Withdraw what the test has declared."""
        self.apply(SCHEMAS)
        self.registry.close()
        self.broker.close()
