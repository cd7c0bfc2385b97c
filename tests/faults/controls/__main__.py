"""`python -m tests.faults.controls`: well-known ways that must fail in this harness, ours beside each.

Exit code 0 when each was seen to fail, and ours was exact in the same run. Parts are started in a folder of
their own that is deleted after; --home names a stack that runs already.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from local.errors import RuntimeProblem
from local.stack import Stack
from streamkit.errors import StreamkitError
from tests.faults.controls.control import Outcome, table
from tests.faults.controls.controls import CONTROLS, Control
from tests.support.parts import parts

DEFAULT_PORT_BASE = 19800
# A part that is away, or that has not done within its time what was waited for.
WITHOUT_RESULT = (AssertionError, OSError, StreamkitError, RuntimeProblem, subprocess.TimeoutExpired)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the controls that the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.controls", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[each.name for each in CONTROLS], help="default: all")
    parser.add_argument("--json", action="store_true", help="end with one JSON line instead of the table")
    parser.add_argument("--home", type=Path, help="folder of a stack that runs with the parts needed")
    parser.add_argument(
        "--port-base", type=int, default=int(os.environ.get("KAPSTAN_TEST_PORT_BASE", DEFAULT_PORT_BASE))
    )
    options = parser.parse_args(arguments)
    chosen = [each for each in CONTROLS if not options.only or each.name in options.only]
    with _stack(options.home, options.port_base, chosen) as stack:
        outcomes = [outcome for each in chosen if (outcome := perform(each, stack)) is not None]
    if options.json:
        sys.stdout.write(json.dumps({each.control: each.to_json() for each in outcomes}) + "\n")
    else:
        sys.stdout.write(table(outcomes))
    return int(len(outcomes) < len(chosen) or not all(each.seen for each in outcomes))


def perform(control: Control, stack: Stack) -> Outcome | None:
    """Run one control on a stack that has its parts; blocks for minutes. None when it came to no result."""
    with tempfile.TemporaryDirectory(prefix="kapstan-controls-", ignore_cleanup_errors=True) as folder:
        begun = time.monotonic()
        try:
            outcome = control.run(stack, Path(folder), f"control{time.time_ns() // 1_000_000}")
        except WITHOUT_RESULT as error:
            sys.stderr.write(
                f"{control.name}: no result after {time.monotonic() - begun:.0f} s, so nothing was shown:"
                f" {type(error).__name__}: {error}\n"
            )
            return None
        sys.stderr.write(f"{control.name}: {outcome.befell}, {time.monotonic() - begun:.0f} s\n")
        return outcome


@contextlib.contextmanager
def _stack(home: Path | None, port_base: int, chosen: Sequence[Control]) -> Iterator[Stack]:
    if home is not None:
        yield Stack.at(home)
        return
    with parts(port_base) as running:
        yield running.need(*{part for control in chosen for part in control.parts})


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeProblem as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
