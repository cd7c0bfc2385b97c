"""Whether a job went on from the newest checkpoint."""

from pathlib import Path

import pytest

from tests.faults.restarts import Point, older

BEFORE = Point(Path("/w/a/chk-5"), 100)


@pytest.mark.parametrize(
    ("path", "written", "expected"),
    [
        ("/w/a/chk-5", 100, False),
        ("/w/a/chk-12", 200, False),
        ("/w/a/chk-4", 300, True),
        ("/w/b/chk-1", 150, False),
        ("/w/b/chk-9", 50, True),
        ("/w/b/chk-1", None, False),
    ],
)
def test_an_older_checkpoint_is_told_from_a_newer(path, written, expected):
    assert older(Path(path), written, BEFORE) is expected
