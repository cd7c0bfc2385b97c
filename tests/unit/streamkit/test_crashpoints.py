import signal

from streamkit.crashpoints import SINK_POINTS, TRANSFORM_POINTS, CrashPoints, crash, reached


def test_nothing_is_armed_by_default():
    assert crash._name is None


def test_the_nth_pass_of_the_named_point_dies():
    points, died = CrashPoints("a.b:3"), []
    points.die = died.append
    for name in ("a.b", "other", "a.b", "a.b", "a.b"):
        points.at(name)
    assert died == ["a.b"]


def test_dying_is_kill_9_and_says_where(monkeypatch, capfd):
    sent = []
    monkeypatch.setattr("os.kill", lambda pid, number: sent.append(number))
    CrashPoints("x").at("x")
    assert sent == [signal.SIGKILL]
    assert capfd.readouterr().err == f"{reached('x')}\n"


def test_points_have_names_of_their_own():
    assert len({*TRANSFORM_POINTS, *SINK_POINTS}) == len(TRANSFORM_POINTS) + len(SINK_POINTS) >= 19
