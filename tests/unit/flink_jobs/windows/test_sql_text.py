import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flink_jobs.windows import sql_text


@settings(deadline=None)
@given(st.text())
def test_a_text_can_be_read_back(value):
    literal = sql_text.text(value)
    assert literal[0] == literal[-1] == "'"
    assert literal[1:-1].replace("''", "\0").count("'") == 0
    assert literal[1:-1].replace("''", "'") == value


def test_an_identifier_cannot_break_out_of_its_quotes():
    assert sql_text.name("a`b") == "`a``b`"


@settings(deadline=None)
@given(st.integers(0, 999 * 86_400_000))
def test_an_interval_is_the_length_it_stands_for(milliseconds):
    match = re.fullmatch(
        r"INTERVAL '(\d+) (\d\d):(\d\d):(\d\d)\.(\d{3})' DAY\(3\) TO SECOND\(3\)",
        sql_text.interval(milliseconds),
    )
    day, hour, minute, second, millis = map(int, match.groups())
    assert hour < 24
    assert minute < 60
    assert second < 60
    assert (((day * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis == milliseconds


@pytest.mark.parametrize(
    ("declared", "sql"),
    [
        ({}, "TRUE"),
        ({"page": "it's"}, "(`page` IN ('it''s') IS TRUE)"),
        ({"a": (1, 2), "b": True}, "(`a` IN (1, 2) IS TRUE) AND (`b` IN (TRUE) IS TRUE)"),
    ],
)
def test_a_condition_is_never_null(declared, sql):
    assert sql_text.condition(declared) == sql
