"""What is seen of a stage: decisions as they come, the log for the judges, the stores for the audit."""

import json
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

from cli.audit import audited
from local.probe import http_call
from local.windows import wanted
from streamkit.clock import SystemClock
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient
from streamkit.topics_apply import Platform
from tests.faults.bank import Bank
from tests.faults.changes import compare, compare_rows
from tests.faults.errors import StageError
from tests.faults.judge import Found
from tests.faults.log import Log
from tests.faults.restarts import checkpoints
from tests.faults.shown import Shown
from tests.faults.stage import Stage
from tests.faults.stages import CHANGES, VIEWS, WINDOWS
from tests.faults.watch import Watch

BEGINS_WITHIN_S = 120.0
MOST_MERCHANTS = 1000
_POLL_S = 0.25


class Audience:
    """Looks at one stage. Methods block, and raise StageError, RetryableError or OSError when it is away."""

    def __init__(self, stage: Stage, bank: Bank | None = None) -> None:
        """Open clients of a stage whose parts serve; `bank` is who writes to its database."""
        stack = stage.stack
        broker = KafkaBroker(stack.bootstrap_servers, {"log_level": 0})
        registry = RegistryClient(stack.registry_url)
        self._platform = Platform(broker, broker.admin(), registry, SystemClock())
        self._stage, self._bank, self._shown = stage, bank, Shown()
        self._changes = 0
        self.watch = Watch(stack)
        self._log = Log(
            stack.bootstrap_servers,
            lambda number: registry.schema(number).definition,
            self._shown.decision,
        )

    def begin(self) -> None:
        """Wait until what a stage needs for the first loss is there.

        That is the rows of the bank in their topics, or a checkpoint of each window.
        """
        if self._stage.kind == CHANGES:
            self._stage.until(self._captured, BEGINS_WITHIN_S, "the bank's first rows do not arrive")
        if self._stage.kind == WINDOWS:
            stack = self._stage.stack
            self._stage.until(
                lambda: checkpoints(stack).keys() >= wanted(stack),
                BEGINS_WITHIN_S,
                "not every window has a checkpoint",
            )

    def audit(self, wait_s: float) -> dict[str, object]:
        """Compare all stores, once they have caught up."""
        report = audited(self._stage.stack, self._platform, wait_s=wait_s, progress=lambda _: None)
        return report.to_json()

    def judge(self, wait_s: float) -> Found:
        """Return what is wrong in what is new in the log, in the bank's change topics and in the views.

        What is behind has `wait_s` to come; what is missing then is lost, or wrong.
        """
        if self._bank is not None:
            self._stage.comes(self._captured, wait_s)
        found = self._log.judge()
        if self._bank is not None:
            compare(self._bank.changes(), self._log.changes, found)
            compare_rows(self._bank.rows(), self._log.changes, found)
            found.compared += len(self._log.changes) - self._changes
            self._changes = len(self._log.changes)
        if self._stage.kind == VIEWS:
            self._look_at_views(wait_s, found)
        return found

    def close(self) -> None:
        """Close the clients."""
        self.watch.close()
        self._platform.registry.close()

    def _captured(self) -> bool:
        """Whether the topics hold as many changes as the bank has committed."""
        self._log.read_changes()
        return self._bank is None or len(self._log.changes) >= self._bank.committed()

    def _look_at_views(self, wait_s: float, found: Found) -> None:
        deadline = time.monotonic() + wait_s
        merchants = f"/views/top-merchants?by=count&limit={MOST_MERCHANTS}"
        self._settles(lambda: self._shown.wrong_merchants(self._page(merchants)), deadline, found)
        for customer in self._shown.customers:
            path = f"/views/balance/{customer}"

            def wrong(path: str = path, customer: str = customer) -> str | None:
                return self._shown.wrong_balance(customer, self._page(path)["balances"])

            self._settles(wrong, deadline, found)

    def _settles(self, wrong: Callable[[], str | None], deadline: float, found: Found) -> None:
        while (what := wrong()) is not None:
            if time.monotonic() > deadline:
                found.wrong_state += 1
                found.note(f"wrong view: {what}")
                return
            time.sleep(_POLL_S)
        found.compared += 1

    def _page(self, path: str) -> Mapping[str, Any]:
        port = self._stage.stack.port("live_views.http")
        try:
            status, body = http_call("GET", port, path)
        except HTTPException as error:
            raise StageError(f"live_views breaks off at {path}: {error}") from error
        if status != 200:
            raise StageError(f"live_views answers {path} with {status}: {body[:200]!r}")
        page: Mapping[str, Any] = json.loads(body)
        return page
