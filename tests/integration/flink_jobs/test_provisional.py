"""Provisional rows: there before the final ones, replaced by them, and no part of what is compared."""

import random
import re
import time

import pytest

from local.places import repository
from services.lake_sink.catalog import open_catalog
from tests.support.waiting import until
from tests.support.window_reference import replay
from tests.support.window_run import PARTITIONS, WindowRun, event, heartbeat, milliseconds

PATIENCE_S = 300
LENGTH_MS = 40_000


@pytest.fixture
def run(parts, tmp_path, unique):
    run = WindowRun(parts, tmp_path, unique, kinds=("prompt",))
    yield run
    run.end_jobs()
    run.close()


@pytest.mark.timeout(1800)
def test_a_provisional_row_comes_first_and_the_final_one_takes_its_place(run):
    (name,) = run.names
    declared = run.windows[name].declaration
    assert set(run.submit()) == {name, f"{name}_provisional"}

    # Nothing is final yet, but windows have ended: provisional rows stand there, of rows in time only.
    end = time.time_ns() // 1_000_000
    begin = (end - LENGTH_MS) // 10_000 * 10_000
    run.send(live(begin, end))
    ended = {start for *_, start, stop in replay(declared, run.log(), "at").rows if stop <= end - 10_000}
    assert len(ended) > 1
    until(lambda: ended <= {start for *_, start in provisional(run, name)}, PATIENCE_S)
    assert run.rows("gold", name) == []
    in_log = replay(declared, run.log(), "at").rows
    before = provisional(run, name)
    for (*key, start), row in before.items():
        assert row["events"] <= in_log[*key, start, start + 10_000]["events"]

    # A row that is behind the provisional result is in time for the final one.
    first = min(ended)
    straggler = event("straggler", first, random.Random(1))
    later = end + 120_000
    run.send([(0, end, straggler)] + [(each, later, heartbeat(later)) for each in range(PARTITIONS)])
    final = replay(declared, run.log(), "at", closed_only=True)
    until(lambda: len(run.rows("gold", name)) >= len(final.rows), PATIENCE_S)
    assert run.written(name) == final
    picked = {key_of(row): row["events"] for row in newest(run)(name, ["tenant", "category"])}
    assert picked == {(*key, start): values["events"] for (*key, start, _), values in final.rows.items()}
    late_one = (straggler["tenant"], straggler["category"], first)
    assert late_one not in before or before[late_one]["events"] < picked[late_one]


def live(begin, end):
    """Rows of both partitions, a tenth of a second apart and up to two seconds out of order."""
    rnd = random.Random(7)
    rows = [
        (number % PARTITIONS, now, event(str(number), max(begin, now - rnd.randrange(2000)), rnd))
        for number, now in enumerate(range(begin, end, 100))
    ]
    return rows + [(partition, end, heartbeat(end)) for partition in range(PARTITIONS)]


def provisional(run, name):
    """The provisional rows; each key and window once, as long as their job was submitted once."""
    rows = run.rows("gold", f"{name}_provisional")
    found = {key_of(row): row for row in rows}
    assert len(found) == len(rows)
    return found


def key_of(row):
    return row["tenant"], row["category"], milliseconds(row["window_start"])


def newest(run):
    """The helper that docs/lake.md gives to readers."""
    text = (repository() / "docs" / "lake.md").read_text()
    (block,) = (each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "def newest" in each)
    names = {"lake": open_catalog(run.lake())}
    exec(block, names)  # noqa: S102 - our own documentation
    return names["newest"]
