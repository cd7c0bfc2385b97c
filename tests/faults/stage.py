"""The stage of the schedules: one warm stack with live traffic, its parts' processes, and what it holds."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from select import select
from typing import Any

import psutil

from cli.audit import ledger_of
from local import supervise
from local.places import repository
from local.rpc import Supervisor
from local.services import demo_key
from local.stack import Stack
from local.warden import gave_up
from tests.faults.bank import Bank
from tests.faults.errors import StageError
from tests.faults.parts import CORE, Staged, one_life_file, proxy_port, staged
from tests.faults.proxy import CatalogProxy
from tests.faults.stages import PARTS, WINDOWS
from tests.support.parts import note_ready

READY_S = 240.0
ANSWERED_WITHIN_S = 180.0
POLL_S = 0.05


class Stage:
    """What faults act on. Methods block; StageError says that the stage itself is broken."""

    def __init__(self, stack: Stack, proxy: CatalogProxy, kind: str) -> None:
        """Take a stack that is not started yet, the proxy before its catalog and which parts it has."""
        self.stack = stack
        self.kind = kind
        self.serving = (*CORE, *PARTS[kind])
        self.proxy = proxy
        self.known = staged(stack)
        self.begun: dict[str, float] = {}
        self._supervisor = Supervisor(stack.socket)

    def need(self, *names: str) -> None:
        """Start parts, and what they need, unless they run."""
        supervise.up(self.stack, only=list(names), known=self.known)
        note_ready(self.stack)

    def start(self, name: str) -> None:
        """Start one part and wait until it is ready."""
        supervise.start(self.stack, name, known=self.known)
        self.mark(name)

    def stop(self, name: str) -> None:
        """Stop one part, in order, and wait until it has ended."""
        supervise.stop(self.stack, name, known=self.known)

    def pid(self, name: str) -> int | None:
        """The process of a part; None while it has none."""
        process = self._supervisor.processes().get(name)
        return process.pid or None if process is not None else None

    def living(self, name: str) -> psutil.Process:
        """The process of a part that has one, or has one soon."""
        self.until(lambda: self.pid(name) is not None, 60, f"{name} has no process")
        pid = self.pid(name)
        if pid is None:
            raise StageError(f"{name} has ended")
        return psutil.Process(pid)

    def kill(self, name: str) -> psutil.Process:
        """Kill a part with SIGKILL; returns the process that was, which has ended."""
        process = self.living(name)
        process.kill()
        self.until(lambda: not alive(process), 20, f"{name} outlives SIGKILL")
        return process

    def launch(self, name: str) -> None:
        """Start a part that was stopped, and do not wait for it."""
        self._supervisor.start(name)

    def mark(self, name: str) -> None:
        """Note that a part has begun anew just now: decisions are to resume from here."""
        self.begun[name] = time.time()

    def taken(self, name: str) -> int | None:
        """The process of the last life that ran what `one_life_file` held; None when there was none."""
        file = Path(f"{one_life_file(self.stack, name)}.pid")
        return int(file.read_text()) if file.exists() else None

    def replaced(self, name: str, old: int | None) -> None:
        """Wait until a part has another process than `old`, and note when that began.

        For a part that is no service of ours it is noted, and waited for, that it serves again.
        """
        self.until(lambda: self.pid(name) not in (None, old), 60, f"{name} is not started again")
        if not isinstance(self.known[name], Staged):
            self.ready(name)
        self.mark(name)

    def ready(self, name: str, seconds: float = READY_S) -> None:
        """Wait until a part serves."""
        what = self.known[name]
        self.until(
            lambda: what.waiting_for(self.stack) is None,
            seconds,
            f"{name} is not ready: {what.waiting_for(self.stack)}",
        )

    def gave_up(self, name: str) -> bool:
        """Whether a part has ended and will not be started again, because it needs a person."""
        return gave_up(self.stack.home, name) is not None

    def comes(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait for `done`; whether it came about."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    def until(self, done: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Wait; StageError says `otherwise` when it takes too long."""
        if not self.comes(done, seconds):
            raise StageError(f"{otherwise}, after {seconds:g} s")

    def log_end(self, name: str) -> int:
        """How long a part's log is, in bytes."""
        file = self.stack.log(name)
        return file.stat().st_size if file.exists() else 0

    def logged(self, name: str, text: str, since: int) -> bool:
        """Whether a part's log has `text` behind its first `since` bytes; a shorter log was begun anew."""
        file = self.stack.log(name)
        data = file.read_bytes() if file.exists() else b""
        return text.encode() in data[since if since <= len(data) else 0 :]


class Traffic:
    """The load's process, and the bank's writer where there is one; `start` and `stop` for each schedule."""

    def __init__(self, stage: Stage, rate: float, bank: Bank | None = None) -> None:
        """Start the process; it sends nothing yet."""
        stack, self._bank = stage.stack, bank
        demo_key(stack)
        command = [
            *(sys.executable, "-P", "-m", "tests.faults.load"),
            *("--ledger", str(ledger_of(stack)), "--http", stack.url("ingest_gateway.http")),
            *("--grpc", f"127.0.0.1:{stack.port('ingest_gateway.grpc')}", "--rate", str(rate)),
            *("--api-key-file", str(stack.secret_file("demo-key"))),
            *(("--ahead",) if stage.kind == WINDOWS else ()),
        ]
        self._log = (stack.logs / "load.log").open("ab")
        self._process = subprocess.Popen(
            command,
            cwd=repository(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self.acknowledged = 0

    def start(self) -> None:
        """Let events flow."""
        self._say("go")
        if self._bank is not None:
            self._bank.start()

    def stop(self) -> int:
        """End them; returns when each is answered, with how many were acknowledged since the last time."""
        self._say("stop")
        if self._bank is not None:
            self._bank.stop()
        tally = self._tally()
        fewest, deadline = tally["waiting"], time.monotonic() + ANSWERED_WITHIN_S
        while not tally["done"]:
            if tally["waiting"] < fewest:
                fewest, deadline = tally["waiting"], time.monotonic() + ANSWERED_WITHIN_S
            if time.monotonic() > deadline:
                raise StageError(f"{fewest} events have no answer; the last problem was {tally['problem']!r}")
            tally = self._tally()
        if tally["unexpected"]:
            raise StageError(f"the gateway gave an answer that the load did not expect: {tally['problem']}")
        before, self.acknowledged = self.acknowledged, tally["acknowledged"]
        return self.acknowledged - before

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.terminate()
        self._process.wait(30)
        if self._process.stdout:
            self._process.stdout.close()
        self._log.close()

    def _tally(self) -> dict[str, Any]:
        """The next line of the load's, which comes each second while it ends."""
        answers = self._process.stdout
        line = answers.readline() if answers and select([answers], [], [], ANSWERED_WITHIN_S)[0] else ""
        if not line:
            raise StageError(f"the load says nothing any more: {self._process.poll()}; see load.log")
        tally: dict[str, Any] = json.loads(line)
        return tally

    def _say(self, word: str) -> None:
        if self._process.stdin is None or self._process.poll() is not None:
            raise StageError(f"the load has ended with {self._process.poll()}; see load.log")
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def opened(home: Path, port_base: int, kind: str) -> Iterator[Stage]:
    """A stage of a kind whose parts serve; everything is stopped at the end, and the folder is left."""
    stack = Stack(home, port_base)
    with ExitStack() as closing:
        proxy = CatalogProxy(proxy_port(stack), stack.port("seaweedfs.iceberg"))
        closing.callback(proxy.close)
        stage = Stage(stack, proxy, kind)
        closing.callback(supervise.down, stack, known=stage.known)
        stage.need(*stage.serving)
        yield stage
