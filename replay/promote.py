"""Makes a replay's rows live's own, table by table, and takes that back; see services/lake_sink/lines.py."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from demo.progress import Bar, Steps
from local.errors import RuntimeProblem
from local.stack import Stack
from local.watched import run_watched
from replay.branches import Branches, name_of
from replay.errors import ReplayRefusedError
from replay.kept import Kept, Replay
from replay.pairs import Comparison
from replay.perform import command_of, kept
from replay.process import TEMPFAIL, reason
from replay.promotable import check_log, check_promotable, refusal, to_promote, to_roll_back
from replay.report import agrees
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from services.lake_sink.lines import Gaps, Standing, promotion, rolling_back, standing
from streamkit.errors import RetryableError
from streamkit.positions import Positions
from streamkit.read import span
from streamkit.records import TopicPartition
from streamkit.topics_apply import Platform

_POLL_S = 0.25
# As `kapstan compare` waits for live; a table that lacks rows for good would be waited for in vain.
_LIVE_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Ask:
    """How to promote: whether differences from live are accepted, and how long live and replay may take."""

    accept_differences: bool = False
    wait_s: float = 300.0


class Promoting:
    """Promotes one replay or rolls it back; every call blocks."""

    def __init__(self, stack: Stack, platform: Platform, replay: Replay, lake: LakeSettings) -> None:
        check_promotable(replay)
        self._stack = stack
        self._platform = platform
        self._replay = replay
        self._lake = lake
        self._kept: Kept = kept(stack)
        self._branches = Branches(replay, open_catalog(lake), platform.clock)

    def promote(self, schemas: Path, ask: Ask, steps: Steps) -> list[str]:
        """Let the replay catch up with live, then make its rows live's; return the topics.

        Killed on the way it is called again: tables that are done are left as they are.

        Raises:
            ReplayRefusedError: it may not take live's place, or did not catch up in time.
            RuntimeProblem: the replay's process failed.
        """
        name = self._replay.namespace
        with self._kept.running(name):
            left = to_promote(self._replay, self._branches.standings(), finished=self._kept.finished(name))
            if not ask.accept_differences:
                self._compare(schemas, left, ask, steps)
            with steps.step(f"Catching up with live, {name}") as bar:
                deadline = time.monotonic() + ask.wait_s
                waiting = list(left)
                while waiting:
                    waiting = self._tail(waiting, deadline, bar)
        return left

    def rollback(self) -> list[str]:
        """Make main again what it was before the promotion; return the topics.

        Live goes on from where main stood then, and reads again what has come since.

        Raises:
            ReplayRefusedError: it was not promoted, another was since, or Kafka has no more what live would
                have to read.
        """
        name = self._replay.namespace
        with self._kept.running(name):
            lines = self._branches.lines()
            found = to_roll_back(self._replay, {topic: standing(each) for topic, each in lines.items()})
            for topic in found:
                before = lines[topic].before
                if before is not None:
                    check_log(topic, before.positions, self._oldest(topic))
            for topic in found:
                refused = self._branches.switch.change(
                    name_of(topic), lambda lines: rolling_back(name, lines)
                )
                if refused not in {None, Standing.NOT_PROMOTED}:
                    raise refusal(refused, self._replay, [topic])
        return found

    def _compare(self, schemas: Path, topics: list[str], ask: Ask, steps: Steps) -> None:
        replay = replace(self._replay, target=replace(self._replay.target, inputs=tuple(topics)))
        wait_s = min(ask.wait_s, _LIVE_WITHIN_S)
        found = Comparison(replay, self._platform, schemas, self._lake, wait_s).run(steps, 0)
        if not agrees(found):
            differing = sum(each.differing + each.missing + each.extra for each in found)
            raise ReplayRefusedError(
                f"{replay.namespace} differs from live in {differing:,} rows",
                hint=f"`kapstan compare {replay.namespace}` shows them. If the replay is what you want: "
                "promote it with --accept-differences",
            )

    def _tail(self, topics: list[str], deadline: float, bar: Bar) -> list[str]:
        """Let the replay go on from live's topics until each table is promoted; return those that are not.

        Some are left when the process ended between two promotions: its branch has gone under it.
        """
        name, left = self._replay.namespace, list(topics)

        def promoted() -> bool:
            for topic in list(left):
                if self._try(topic):
                    left.remove(topic)
            bar(1 - len(left) / len(topics), f"{len(left)} tables to come" if left else "")
            if left and time.monotonic() > deadline:
                raise refusal(Standing.BEHIND, self._replay, left)
            return not left

        log = self._stack.logs / f"replay-{name}.log"
        command, environ = command_of(self._stack, self._replay, lake=True, plan=self._plan(topics))
        code = run_watched(command, environ, log, promoted, _POLL_S)
        if left and len(left) == len(topics) and code != TEMPFAIL:
            raise RuntimeProblem(
                "replay",
                reason(log, code),
                log=log,
                remedy=f"when that is mended: `kapstan replay promote {name}` goes on",
            )
        return left

    def _try(self, topic: str) -> bool:
        """Promote one table if its branch has caught up; tell whether it is done."""
        name = self._replay.namespace
        try:
            found = self._branches.switch.change(
                name_of(topic),
                lambda lines: promotion(name, lines, lambda gaps: log_holds(self._platform, gaps)),
            )
        except RetryableError:
            return False  # the lake or Kafka is away: looked at again
        if found in {None, Standing.PROMOTED}:
            return True
        if found is not Standing.BEHIND:
            raise refusal(found, self._replay, [topic])
        return False

    def _oldest(self, topic: str) -> Positions:
        info = self._platform.admin.topics([topic])[topic]
        partitions = [TopicPartition(topic, p) for p in range(info.partitions)]
        return self._platform.admin.start_offsets(partitions).with_ids({topic: info.topic_id})

    def _plan(self, topics: list[str]) -> Path:
        plan = self._replay.plan
        mine = [tp for tp in plan.ends if tp.topic in topics]
        file = self._kept.folder(self._replay.namespace) / "tail.json"
        tail = replace(plan, starts=plan.starts.only(mine), ends=plan.ends.only(mine), tails=True)
        file.write_text(tail.to_json(), encoding="utf-8")
        return file


def log_holds(platform: Platform, gaps: Gaps) -> bool:
    """Tell whether Kafka has, or had, a record in the gaps, and not markers alone; blocks.

    Raises:
        RetryableError: Kafka is away.
    """
    starts = {tp: start for tp, (start, _) in gaps.items()}
    ends = {tp: end for tp, (_, end) in gaps.items()}
    oldest = platform.admin.start_offsets(sorted(gaps))
    if any(oldest[tp] > start for tp, start in starts.items()):
        return True  # what was there is deleted: nobody can tell
    return any(span(platform.broker, starts, ends, platform.clock))
