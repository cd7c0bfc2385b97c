"""The process that sends live traffic, as its starter sees it."""

import json
import os
import subprocess
import sys
from threading import Thread
from typing import Any

from demo.platform import Platform
from local.places import repository
from local.services import demo_key
from local.supervisord import MARK
from local.watched import end
from traffic.scenario import Scenario

ENDS_WITHIN_S = 30
LONGEST_LEDGER = 500_000_000  # bytes; about five million events


class LiveSender:
    """Starts `python -m traffic`, keeps its last report, and ends it."""

    def __init__(self, platform: Platform, rate: float, *, flaws: bool = True) -> None:
        """Take the stack and the rate in transactions per second."""
        self._platform = platform
        self._rate = rate
        self._flaws = flaws
        self._process: subprocess.Popen[str] | None = None
        self.report: dict[str, Any] = {}

    def start(self, scenario: Scenario) -> None:
        """Begin to send; returns at once. The ledger goes on, unless it has become too long to be read."""
        stack, ledger = self._platform.stack, self._platform.ledger_file
        demo_key(stack)
        if ledger.is_file() and ledger.stat().st_size > LONGEST_LEDGER:
            ledger.unlink()
        scenario.keep(self._platform.scenario_file)
        command = [sys.executable, "-P", "-m", "traffic"]
        command += ["--scenario", str(self._platform.scenario_file)]
        command += ["--ledger", str(ledger)]
        command += ["--schemas", str(self._platform.schemas)]
        command += ["--http", stack.url("ingest_gateway.http")]
        command += ["--grpc", f"127.0.0.1:{stack.port('ingest_gateway.grpc')}"]
        command += ["--api-key-file", str(stack.secret_file("demo-key")), "--rate", str(self._rate)]
        command += [] if self._flaws else ["--no-flaws"]
        with stack.log("traffic").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                # Marked as the stack's, so that `kapstan down` ends it should this process be killed.
                env={**os.environ, "PYTHONPATH": str(repository()), MARK: str(stack.home)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C is ours: traffic ends first, then what it talks to
            )
        Thread(target=self._read, name="sender", daemon=True).start()

    def ended(self) -> str | None:
        """None while it sends, else how it ended."""
        if self._process is None or self._process.poll() is None:
            return None
        return f"the live senders ended with exit status {self._process.returncode}"

    def stop(self) -> None:
        """Ask it to end and wait; its last acknowledgements are in the ledger then."""
        if self._process is None or self._process.poll() is not None:
            return
        end(self._process, ENDS_WITHIN_S)

    def _read(self) -> None:
        assert self._process is not None  # noqa: S101 - the thread starts behind the process
        for line in self._process.stdout or ():
            self.report = report_in(line, self.report)


def report_in(line: str, before: dict[str, Any]) -> dict[str, Any]:
    """The report that a line holds; one that holds none becomes the `problem` of the report before it.

    A library's warning, say. Reading must go on: senders whose pipe is full would stand still.
    """
    try:
        report = json.loads(line)
    except ValueError:
        report = None
    return report if isinstance(report, dict) else {**before, "problem": f"the senders said: {line.strip()}"}
