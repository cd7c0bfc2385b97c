import pytest

from flink_jobs.windows.errors import SettingsError
from flink_jobs.windows.replay import parse_offsets, replay
from flink_jobs.windows.source import Reach


def test_offsets_by_partition():
    assert parse_offsets("0:17,1:4") == {0: 17, 1: 4}
    assert parse_offsets("") == {}


@pytest.mark.parametrize("text", ["0", "0:x", "0:1:2", ":"])
def test_other_text_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - argparse only asks for this type
        parse_offsets(text)


def test_the_live_tables_are_not_for_a_replay():
    class Live:
        namespace = ""

    with pytest.raises(SettingsError, match="needs KAPSTAN_NAMESPACE"):
        replay({}, Live(), Reach(stop={}))
