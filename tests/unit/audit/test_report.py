from audit.effects import Effects
from audit.report import Report
from audit.stores import Difference

GOOD = Difference("t", "bronze", "kafka", expected=1_000_000, found=1_000_000)
BAD = Difference("t", "opensearch", "kafka", expected=3, found=3, lost=1, doubled=2, examples=["lost t/0/1"])
REPEATS = Effects("raw", "effect", events=10, repeats=4)
DOUBLED = Effects("raw", "effect", events=10, doubled=1, examples=["one of several effects: effect/0/3"])


def test_stores_agree_when_nothing_is_lost_or_doubled():
    report = Report([GOOD], [REPEATS])
    assert report.agrees
    assert (report.lost, report.doubled, report.repeats) == (0, 0, 4)
    assert list(report.lines())[-1] == "All stores agree: lost 0, doubled 0, repeats 4."


def test_each_fault_is_counted_and_named():
    report = Report([GOOD, BAD], [DOUBLED])
    assert not report.agrees
    assert (report.lost, report.doubled) == (1, 3)
    text = "\n".join(report.lines())
    assert "lost t/0/1" in text
    assert "one of several effects: effect/0/3" in text
    assert "DISAGREE" in text


def test_a_record_nobody_expects_is_a_disagreement_too():
    assert not Report([Difference("t", "bronze", "kafka", unexpected=1)], []).agrees


def test_what_was_not_compared_is_said():
    lines = list(
        Report([GOOD], [], ["bronze of t by up to 5 offsets"], ["opensearch: it does not run"]).lines()
    )
    assert "Behind: bronze of t by up to 5 offsets" in lines
    assert "Not compared: opensearch: it does not run" in lines


def test_a_store_that_should_run_and_does_not_answer_is_no_agreement():
    report = Report([GOOD], [REPEATS], unanswered=["opensearch: no answer on port 18030"])
    assert not report.agrees
    assert report.to_json()["unanswered"] == ["opensearch: no answer on port 18030"]
    *_, named, verdict = report.lines()
    assert named == "No answer: opensearch: no answer on port 18030"
    assert verdict.startswith("NOT ALL stores answered; the others agree: lost 0,")
    assert "DISAGREE" in list(Report([BAD], [], unanswered=["x"]).lines())[-1]


def test_what_is_left_out_on_purpose_is_no_disagreement():
    assert Report([GOOD], [], skipped=["opensearch: it does not run"]).agrees


def test_numbers_stand_below_each_other():
    heading, first, second = list(Report([GOOD, BAD], []).lines())[:3]
    assert len(heading) >= len(first.rstrip())
    assert first.index("1,000,000") + 8 == second.rindex("3", 0, second.index("3") + 1)


def test_json_has_the_three_counts_and_all_details():
    data = Report([BAD], [REPEATS]).to_json()
    assert (data["lost"], data["doubled"], data["repeats"], data["agrees"]) == (1, 2, 4, False)
    assert data["stores"][0]["examples"] == ["lost t/0/1"]
