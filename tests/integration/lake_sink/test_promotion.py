"""A replay takes live's place and gives it back, while live commits and somebody reads: a real catalog."""

import signal
import sys
import time

import pytest
import requests
from pyiceberg.catalog.rest import RestCatalog

from replay.errors import ReplayRefusedError
from tests.support.promotion import PATIENCE_S, PromotionStage

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def stage(parts, unique, tmp_path, monkeypatch):
    stage = PromotionStage(parts.need("kafka", "registry", "seaweedfs"), unique, tmp_path)
    for name, value in stage.fast.items():
        monkeypatch.setenv(name, value)
    yield stage
    stage.close()


def lines_seen(seen):
    """The lines of history that a reader met, in the order in which they came: each by its oldest files."""
    assert all(each.consistent for each in seen), "a reader saw a mix"
    found = []
    for each in (each for each in seen if each.files):
        if not found or not (found[-1] <= each.files or each.files <= found[-1]):
            found.append(each.files)
        found[-1] = each.files
    return found


def test_readers_see_one_line_or_the_other_while_live_goes_on(stage):
    with stage.live_traffic():
        stage.send(2000)
        stage.wait_for_live()
        with stage.reader() as seen:
            stage.replay()
            assert stage.promote() == [stage.topic]
            assert stage.promoted
            stage.send(200)
            stage.wait_for_live()
            assert stage.roll_back() == [stage.topic]
            stage.send(200)
            stage.wait_for_live()
    stage.assert_exact()
    assert len(lines_seen(seen)) == 3, "old, replayed, old again"
    assert len(seen) > 10


def test_a_command_killed_beside_the_swap_is_run_again(stage):
    with stage.live_traffic():
        stage.send(300)
        stage.wait_for_live()
        stage.replay()
        for command, before, after in (("promote", False, True), ("rollback", True, False)):
            arguments = ("replay", command, stage.namespace)
            code, said = stage.run(*arguments, crash_at="switch.before_commit")
            assert (code, stage.promoted) == (-signal.SIGKILL, before), said
            code, said = stage.run(*arguments)
            assert (code, stage.promoted) == (0, after), said
        code, said = stage.run("replay", "promote", stage.namespace, crash_at="switch.after_commit")
        # The point lies behind an attempt, which live's commit may have forestalled.
        landed = stage.promoted
        assert code == -signal.SIGKILL, said
        code, said = stage.run("replay", "promote", stage.namespace)
        assert (code, "is live already" in said, stage.promoted) == (int(landed), landed, True), said
        code, said = stage.run("replay", "status", stage.namespace)
        assert (code, "promoted" in said) == (0, True), said
        code, said = stage.run("replay", "drop", stage.namespace)
        assert code == 0, said
    stage.assert_exact()
    assert stage.table().metadata.refs.keys() == {"main"}
    code, said = stage.run("replay", "promote", stage.namespace)
    assert (code, f"there is no replay {stage.namespace}" in said) == (1, True), said


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_lost_answer_to_the_swap_promotes_once(stage, monkeypatch, lost):
    with stage.live():
        stage.send(100)
        stage.wait_for_live()
        stage.replay()
    commit_table, losses = RestCatalog.commit_table, []

    def lose_the_first_answer(self, table, requirements, updates):
        if losses:
            return commit_table(self, table, requirements, updates)
        losses.append(lost)
        if lost == "after":
            commit_table(self, table, requirements, updates)
        raise requests.ReadTimeout("cut off")

    monkeypatch.setattr(RestCatalog, "commit_table", lose_the_first_answer)
    assert stage.promote() == [stage.topic]
    assert losses
    with stage.live():
        stage.send(100)
        stage.wait_for_live()
    stage.assert_exact()


def test_a_zombie_of_live_gives_way_to_the_promoted_rows(stage):
    """Stopped with rows that it has not committed, it comes back when main has another line's."""
    with stage.supervised() as signalled:
        with stage.traffic():
            stage.send(300)
            stage.wait_for_live()
            stage.replay()
            signalled(signal.SIGSTOP)
            stage.promote()
            signalled(signal.SIGCONT)
            stage.send(100)
            stage.wait_for_live()
            signalled(signal.SIGSTOP)
            stage.roll_back()
            signalled(signal.SIGCONT)
        stage.wait_for_live()
    stage.assert_exact()


def test_a_sink_killed_while_it_is_overtaken_goes_on_exactly(stage, monkeypatch):
    points = ("lake.before_commit", "lake.after_commit", "sink.before_commit")
    with stage.live():
        stage.send(300)
        stage.wait_for_live()
    stage.replay()
    for turn, point in enumerate(points):
        monkeypatch.setenv("KAPSTAN_CRASH_AT", point)
        worker = stage.worker()
        monkeypatch.delenv("KAPSTAN_CRASH_AT")
        stage.send(50)
        (stage.roll_back if turn % 2 else stage.promote)()
        assert worker.wait(PATIENCE_S) == -signal.SIGKILL, point
    with stage.live():
        stage.wait_for_live()
    stage.assert_exact()


def test_what_cannot_take_lives_place_is_refused_with_what_to_do(stage):
    with stage.live():
        stage.send(100)
        stage.wait_for_live()
        replay = stage.replay()
        with pytest.raises(ReplayRefusedError, match="was not promoted"):
            stage.roll_back()
        stage.catalog.drop_table(stage.name)
        stage.send(10)
        stage.wait_for_live()
    with pytest.raises(ReplayRefusedError, match="dropped and made again"):
        stage.promote()
    assert stage.replay() == replay, "it is replayed into the new table"
    assert stage.promote() == [stage.topic]
    stage.assert_exact()


def test_a_table_that_lost_rows_is_put_right_from_the_log(stage):
    with stage.live():
        for count in (100, 60):
            stage.send(count)
            stage.wait_for_live()
    stage.table().delete("_offset >= 50")
    stage.replay()
    with pytest.raises(ReplayRefusedError, match=r"differs from live in 60 rows.*--accept-differences"):
        stage.promote(wait_s=1)
    stage.promote(accept_differences=True)
    with stage.live():
        stage.send(20)
        stage.wait_for_live()
    stage.assert_exact()


def test_live_commits_as_fast_while_a_replay_is_promoted(stage, capsys):
    """Prints the time of live's commits alone and while a replay is tailed, promoted and taken back."""
    stage.flush_age_ms = 500
    with stage.live_traffic():
        stage.send(20_000)
        stage.wait_for_live()
        stage.replay()
        spans = {}
        for name in ("alone", "promoted"):
            begun = time.monotonic()
            while time.monotonic() < begun + 60:
                if name == "alone":
                    stage.wait_for_live()
                    time.sleep(0.5)
                else:
                    stage.promote(accept_differences=True)
                    stage.roll_back()
            spans[name] = (begun, time.monotonic())
    stage.assert_exact()
    with capsys.disabled():
        for name, (begun, ended) in spans.items():
            taken = sorted(s for at, s in stage.commits if begun <= at <= ended)
            p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
            said = f"{name}: {len(taken)}, p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms"
            sys.stdout.write(f"\nlive's commits, {said}\n")
