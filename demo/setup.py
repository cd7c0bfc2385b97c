"""What the running parts are told: topics, rules, a model; all idempotent."""

import os
import subprocess
import sys
from collections import deque

from demo.platform import Platform
from demo.progress import Bar, Steps
from local.errors import RuntimeProblem
from local.places import repository
from local.services import apply_topics as make_topics
from local.stack import Stack
from local.watched import end


def apply_topics(platform: Platform, steps: Steps) -> None:
    """Make the catalogue's topics and register their schemas."""
    with steps.step("Making topics and schemas"):
        make_topics(platform.stack)


def publish_rules_and_model(platform: Platform, steps: Steps) -> None:
    """Publish the default rules and the model, which is trained once and then cached."""
    with steps.step("Publishing the rules") as bar:
        kapstan(platform.stack, bar, "rules", "apply")
    with steps.step("Publishing the model") as bar:
        kapstan(platform.stack, bar, "train", "--publish")


def kapstan(stack: Stack, bar: Bar, *arguments: str) -> None:
    """Run a command of ours for the stack, its lines being shown; raises RuntimeProblem when it fails."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cli", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(repository()),
            "KAPSTAN_HOME": str(stack.home),
            "KAPSTAN_PORT_BASE": str(stack.port_base),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last: deque[str] = deque(maxlen=5)
    try:
        for line in process.stdout or ():
            last.append(line.strip())
            bar(None, line.strip())
    finally:
        end(process)
    if process.returncode:
        raise RuntimeProblem(
            "kapstan",
            f"`kapstan {' '.join(arguments)}` failed: {' / '.join(last)}",
            remedy="run that command by itself to see all it says",
        )
