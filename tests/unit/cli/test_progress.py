import io

from rich.console import Console

from cli.progress import Parts
from demo.progress import TerminalSteps

SAID = "no answer from [/127.0.0.1:18000] in [null, string]"


def test_what_a_part_says_is_shown_as_it_is():
    out = io.StringIO()
    with Parts(Console(file=out, width=200, force_terminal=True)) as report:
        report("connect", f"starting {SAID}")
        report("connect", f"failed: {SAID}")
    assert f"failed: {SAID}" in out.getvalue()


def test_so_it_is_beside_a_bar():
    out = io.StringIO()
    with TerminalSteps(Console(file=out, width=200, force_terminal=True)).step("Starting") as bar:
        bar(None, SAID)
    assert SAID in out.getvalue()
