import sys

import pytest

from local.errors import RuntimeProblem
from replay.process import reason, run


def program(text):
    return [sys.executable, "-c", text]


def test_the_reason_is_what_the_service_said_last(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        '{"level": "INFO", "message": "begun"}\n{"level": "CRITICAL", "message": "no topic"}\nrest\n'
    )
    assert reason(log, 78) == "no topic"
    log.write_text("INFO py4j\nkapstan windows: holds rows of an earlier replay\n")
    assert reason(log, 1) == "holds rows of an earlier replay"
    log.write_text("Killed\n")
    assert reason(log, -9) == "the process ended with exit status -9"


def test_a_process_that_fails_is_reported_with_its_log(tmp_path):
    log = tmp_path / "logs" / "log"
    with pytest.raises(RuntimeProblem, match="exit status 3") as caught:
        run(program("raise SystemExit(3)"), {}, log, lambda: None, "do it again")
    assert (caught.value.log, caught.value.remedy) == (log, "when that is mended: do it again")


def test_a_process_that_asks_for_it_is_started_again(tmp_path):
    mark = tmp_path / "mark"
    text = (
        f"from pathlib import Path; mark = Path({str(mark)!r}); again = mark.exists(); mark.touch(); "
        "raise SystemExit(0 if again else 75)"
    )
    run(program(text), {}, tmp_path / "log", lambda: None, "")
    assert mark.exists()


def test_an_interruption_ends_the_process(tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(program("import time; time.sleep(60)"), {}, tmp_path / "log", interrupt, "")
