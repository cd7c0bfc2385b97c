import io
import json
import logging

import pytest

from streamkit import logs

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def lines():
    """Call it to get what was logged so far, parsed."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("refiner", "INFO", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before


def test_a_line_is_one_json_object(lines):
    logging.getLogger("streamkit.loop").info("Read %d records", 3, extra={"topic": "web.clicks.v1"})
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "streamkit.loop",
        "message": "Read 3 records",
        "service": "refiner",
        "topic": "web.clicks.v1",
    }


def test_lines_inside_a_traced_block_have_its_ids(lines):
    with logs.traced(TRACEPARENT.encode()):
        logging.getLogger("a").info("inside")
    logging.getLogger("a").info("after")
    inside, after = lines()
    assert (inside["trace_id"], inside["span_id"]) == (TRACE, SPAN)
    assert "trace_id" not in after


def test_an_exception_keeps_the_line_whole(lines):
    try:
        int("two\nlines")
    except ValueError:
        logging.getLogger("a").exception("It failed")
    (line,) = lines()
    assert line["message"] == "It failed"
    assert line["error"].startswith("Traceback")
    assert line["error"].endswith("'two\\nlines'")


def test_configuring_again_changes_the_level_and_doubles_nothing(lines):
    stream = io.StringIO()
    logs.configure("refiner", "ERROR", stream)
    logging.getLogger("a").warning("quiet")
    logging.getLogger("a").error("loud")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["loud"]
    assert lines() == []


@pytest.mark.parametrize("value", [TRACEPARENT, TRACEPARENT.encode(), f"01-{TRACE}-{SPAN}-01-more"])
def test_valid_trace_contexts(value):
    assert logs.parse_traceparent(value) == (TRACE, SPAN)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        b"\xff",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        "00-a-b-01",
    ],
)
def test_invalid_trace_contexts_are_none(value):
    assert logs.parse_traceparent(value) is None
