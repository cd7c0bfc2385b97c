from streamkit.errors import EXIT_RETRY, EXIT_STOP, DeadLetterError, FencedError, RetryableError, StopError


def test_a_message_says_what_where_and_what_to_do():
    error = StopError("the topic is gone", topic="t", partition=3, offset=7, hint="Make it again")
    assert str(error) == "the topic is gone (at t/3 offset 7). Make it again."


def test_full_stops_are_not_doubled():
    assert str(RetryableError("Away.", hint="Wait.")) == "Away. Wait."
    assert str(RetryableError("away")) == "away."


def test_a_supervisor_is_told_whether_to_start_again():
    assert StopError("x").exit_code == EXIT_STOP
    assert RetryableError("x").exit_code == FencedError("x").exit_code == EXIT_RETRY


def test_a_dead_letter_error_carries_what_the_letter_needs():
    error = DeadLetterError("bad", reason="undecodable", field_path="/a/0", schema_id=4)
    assert (error.reason, error.field_path, error.schema_id) == ("undecodable", "/a/0", 4)
