"""Runs schedule after schedule, on a fresh stage now and then, and keeps what came of each."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.errors import RuntimeProblem
from tests.faults.audience import Audience
from tests.faults.bank import Bank
from tests.faults.run import BROKEN, PASSED, Result, perform, spends
from tests.faults.schedule import Schedule
from tests.faults.sowing import sow
from tests.faults.stage import Stage, Traffic, opened
from tests.faults.stages import CHANGES, PARTS, VIEWS, WINDOWS

SCHEDULES_PER_STAGE = 25
"""The audit reads the stage's whole log each time; beyond this, that takes longer than a new stage."""

Told = Callable[[Result], None]


@dataclass(frozen=True)
class Show:
    """A stage with everything that a schedule takes."""

    stage: Stage
    traffic: Traffic
    audience: Audience


@contextmanager
def show(port_base: int, rate: float, keep: Callable[[], bool], kind: str) -> Iterator[Show]:
    """A fresh stage of a kind, deleted at the end unless `keep` says that it is to be looked at."""
    home = Path(tempfile.mkdtemp(prefix="kapstan-faults-"))
    home.chmod(0o711)
    try:
        with opened(home, port_base, kind) as stage, ExitStack() as closing:
            yield _set_up(stage, rate, closing)
    finally:
        if not keep():
            shutil.rmtree(home, ignore_errors=True)


def _set_up(stage: Stage, rate: float, closing: ExitStack) -> Show:
    """Bring in what a stage holds before its first schedule, and who looks at it."""
    try:
        bank = Bank(stage.stack) if stage.kind == CHANGES else None
        if bank is not None:
            closing.callback(bank.close)
        if stage.kind in (VIEWS, WINDOWS):
            sow(stage.stack)
        audience = Audience(stage, bank)
        closing.callback(audience.close)
        audience.begin()
    except BROKEN as error:
        raise RuntimeProblem(
            "faults",
            f"the stage for {stage.kind} cannot be set up: {type(error).__name__}: {error}",
            remedy="run it again; if it stays so, look at the parts' logs with --keep",
        ) from error
    traffic = Traffic(stage, rate, bank)
    closing.callback(traffic.close)
    return Show(stage, traffic, audience)


class Campaign:
    """A run of schedules. `told` gets each result as soon as it is there; `say` what else happens."""

    def __init__(
        self,
        port_base: int,
        told: Told,
        say: Callable[[str], None],
        *,
        rate: float = 40.0,
        keep: bool = False,
    ) -> None:
        """`keep`: leave the folder of a stage on which something was found."""
        self._port_base = port_base
        self._told = told
        self._say = say
        self._rate = rate
        self._keep = keep
        self._found = False

    def run(self, schedules: Iterable[Schedule]) -> None:
        """Perform all, those of one kind of stage together; blocks.

        A stage on which a schedule did not pass is left, and a fresh one made.
        """
        given = list(schedules)
        for kind in PARTS:
            self._all_of(kind, [schedule for schedule in given if schedule.stage == kind])

    def _all_of(self, kind: str, waiting: list[Schedule]) -> None:
        while waiting:
            self._found = False
            begun = time.monotonic()
            try:
                with show(self._port_base, self._rate, lambda: self._keep and self._found, kind) as made:
                    self._say(f"a stage for {kind} stands after {time.monotonic() - begun:.0f} s")
                    self._on(made, waiting)
            except RuntimeProblem as problem:
                # Between two schedules, or at the start of a stage: nothing was shown about any of them.
                self._say(f"the stage cannot be kept up: {problem}")
                raise

    def _on(self, made: Show, waiting: list[Schedule]) -> None:
        for _ in range(SCHEDULES_PER_STAGE):
            if not waiting:
                return
            schedule = waiting.pop(0)
            self._say(f"seed {schedule.seed}: {'; '.join(map(str, schedule.steps))}")
            result = perform(schedule, made.stage, made.traffic, made.audience)
            self._told(result)
            if result.outcome != PASSED:
                self._found = True
                if self._keep:
                    self._say(f"its stage is kept: {made.stage.stack.home}")
            if result.outcome != PASSED or spends(schedule):
                return


def now_text() -> str:
    """The time as results have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
