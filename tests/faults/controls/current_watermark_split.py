"""A Flink SQL window whose late rows are split off by CURRENT_WATERMARK, while TaskManagers are killed.

Ours, the same declaration by the rule of flink_jobs/windows, reads the same log in the same cluster.
"""

import os
import random
import subprocess
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from flink_jobs.windows.cluster import Cluster
from local import supervise
from local.places import repository
from local.stack import Stack
from local.windows import python
from tests.faults.controls.control import Outcome
from tests.faults.controls.judge import Tally, judge_windows
from tests.support.parts import Parts
from tests.support.waiting import until
from tests.support.window_run import PARTITIONS, WindowRun, event, heartbeat

NAME = "current_watermark_split"
PARTS = ("kafka", "registry", "seaweedfs", "flink", "flink_taskmanager")
KILLS = 3
ROWS_PER_LIFE = 5_000
OFFLINE_ROWS = 500
STEP_MS = 200
WINDOW_MS = 60_000
SETTLE_MS = 305_000
LATE_SHARE, LATE_MS = 0.1, (600_000, 1_200_000)
START_MS = 1_780_000_000_000
MARKER_MS = START_MS // WINDOW_MS * WINDOW_MS - 86_400_000
_AT_ONCE = 2_000
_PATIENCE_S = 600.0

Rows = list[tuple[int, int, dict[str, Any]]]


def run(stack: Stack, folder: Path, name: str, seed: int = 1, kills: int = KILLS) -> Outcome:
    """Run the control; blocks for some three to five minutes.

    Args:
        stack: with Kafka, registry, SeaweedFS and Flink.
        folder: for schemas and marks.
        name: of topic and window, new on this stack.
        seed: of the log.
        kills: of the TaskManager, each after a part of the log whose windows have come out.
    """
    with ExitStack() as ending:
        jobs = ending.enter_context(closing(_Jobs(stack, folder, name)))
        jobs.start()
        end = jobs.feed(seed, START_MS)
        for life in range(1, kills + 1):
            jobs.wait_for_window(closed_by(end))
            supervise.kill(stack, "flink_taskmanager")
            end = jobs.feed(seed + life, end)
            supervise.wait_ready(stack, "flink_taskmanager", _PATIENCE_S)
        jobs.finish(end)
        theirs, ours = jobs.judged(split=True), jobs.judged(split=False)
    befell = f"{kills} kills of the TaskManager over {theirs.of:,} rows, a fifth of them late, seed {seed}"
    return Outcome(NAME, befell, theirs, ours)


def stretch(seed: int, first_ms: int, count: int) -> Rows:
    """Return a part of a log as (partition, Kafka time, event), the same for the same seed.

    It begins with what devices that were offline send when they are back: rows that have missed their window
    by minutes. Time passes from row to row; of the other rows a tenth is as late.
    """
    chance = random.Random(seed)
    rows: Rows = []
    for number in range(count):
        now = first_ms + number * STEP_MS
        late = number < OFFLINE_ROWS or chance.random() < LATE_SHARE
        behind = chance.randrange(*LATE_MS) if late else chance.randrange(4_000)
        made = event(f"{seed}-{number}", now - behind, chance)
        rows.append((chance.randrange(PARTITIONS), now, made))
    return rows


def closed_by(now_ms: int) -> int:
    """Return when the last window begins that is over once all partitions have heartbeats of `now_ms`."""
    # A heartbeat's event time is 5 s behind; the watermark a millisecond more than the rule needs.
    return (now_ms - 5_000 - SETTLE_MS - 1) // WINDOW_MS * WINDOW_MS - WINDOW_MS


class _Jobs(WindowRun):
    """One log, and two jobs over it: ours and the one that splits by the watermark."""

    def __init__(self, stack: Stack, folder: Path, name: str) -> None:
        super().__init__(Parts(stack), folder, name)
        self._window = f"{name}_tumble"
        self.names = [self._window]
        self._namespace = "split"

    def start(self) -> None:
        """Submit both; blocks."""
        done = subprocess.run(
            [*python()[:-1], "tests.faults.controls.split_job", self._window, self._namespace],
            env={**os.environ, **self._environ, "PYTHONPATH": str(repository())},
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def feed(self, seed: int, first_ms: int) -> int:
        """Write a stretch of the log and a heartbeat into each partition; returns the time of its end."""
        rows = stretch(seed, first_ms, ROWS_PER_LIFE)
        for begin in range(0, len(rows), _AT_ONCE):
            self.send(rows[begin : begin + _AT_ONCE])
        end = first_ms + ROWS_PER_LIFE * STEP_MS
        self._beat(end)
        return end

    def finish(self, end: int) -> None:
        """Close every window, and see that both jobs have written all that they are going to."""
        last = end + 2 * SETTLE_MS
        self._beat(last)
        self.wait_for_window(closed_by(end))
        # Behind the last windows: once this row is there, so is every late row before it.
        marker = event("marker", MARKER_MS, random.Random(0))
        self.send([(partition, last, marker) for partition in range(PARTITIONS)])
        until(lambda: all(self._markers(database) == PARTITIONS for database in self._databases), _PATIENCE_S)

    def wait_for_window(self, start_ms: int) -> None:
        """Wait until both jobs have written rows of a window that begins then, or later."""
        until(lambda: all(self._newest(database) >= start_ms for database in self._databases), _PATIENCE_S)

    def judged(self, *, split: bool) -> Tally:
        """Compare the tables of one of the jobs with the log."""
        database = self._databases[split]
        log = Counter(_place(row.value, row.value["at"]) for row in self.log() if not row.heartbeat)
        on_time: Counter[Any] = Counter()
        for row in self.rows(database, self._window):
            on_time[_place(row, _ms(row))] += row["events"]
        late = Counter(_place(row, _ms(row)) for row in self.rows(database, f"{self._window}_late"))
        return judge_windows(log, on_time, late)

    @property
    def _databases(self) -> tuple[str, str]:
        return "gold", f"{self._namespace}_gold"

    def _beat(self, now_ms: int) -> None:
        self.send([(partition, now_ms, heartbeat(now_ms)) for partition in range(PARTITIONS)])

    def _newest(self, database: str) -> int:
        return max((_ms(row) for row in self.rows(database, self._window)), default=0)

    def _markers(self, database: str) -> int:
        return sum(_ms(row) == MARKER_MS for row in self.rows(database, f"{self._window}_late"))

    def close(self) -> None:
        """End both jobs, and what a run has opened."""
        cluster = Cluster(self.settings.flink_url)
        for job in cluster.jobs().values():
            if job.window.endswith(self._window):
                cluster.cancel(job.id)
        super().close()


def _place(row: Any, at_ms: int) -> tuple[Any, ...]:
    return (row["tenant"], row["category"], row["currency"], at_ms // WINDOW_MS * WINDOW_MS)


def _ms(row: Any) -> int:
    return round(row["window_start"].timestamp() * 1000)
