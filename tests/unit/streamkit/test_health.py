from streamkit.health import outcome


def failing():
    raise RuntimeError("no broker")


def test_all_checks_pass():
    assert outcome({"kafka": lambda: None}) == (True, {"kafka": "ok"})


def test_nothing_to_check_is_well():
    assert outcome({}) == (True, {})


def test_a_failing_check_says_why():
    checks = {"kafka": lambda: None, "registry": lambda: "It does not answer."}
    assert outcome(checks) == (False, {"kafka": "ok", "registry": "It does not answer."})


def test_a_check_that_raises_has_failed_and_the_others_run():
    assert outcome({"kafka": failing, "registry": lambda: None}) == (
        False,
        {"kafka": "RuntimeError: no broker", "registry": "ok"},
    )
