import pytest

from demo.sender import report_in


def test_a_line_is_the_newest_report():
    assert report_in('{"sent": 2}', {"sent": 1, "problem": "old"}) == {"sent": 2}


@pytest.mark.parametrize("line", ["Warning: [x] is old\n", "null", "[1]", ""])
def test_a_line_that_holds_no_report_is_told_beside_the_last_one(line):
    assert report_in(line, {"sent": 1}) == {"sent": 1, "problem": f"the senders said: {line.strip()}"}
