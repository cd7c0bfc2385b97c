"""A wall clock that steps for one process."""

from tests.faults.stepped import Stepped


def test_the_clock_follows_the_file(tmp_path, monkeypatch):
    now, told = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000_000)
    file = tmp_path / "clock"
    clock = Stepped(file, told.append)
    assert clock.time_ns() == 1_000_000_000, "without a file it is right"
    file.write_text("-0.5")
    now[0] = 1.0
    assert clock.time() == 0.5
    file.write_text("30")
    assert clock.time() == 0.5, "it is not read at each call"
    now[0] = 2.0
    assert clock.time() == 31.0
    file.write_text("")
    now[0] = 3.0
    assert clock.time() == 31.0, "half written"
    assert told == [-0.5, 30.0]
