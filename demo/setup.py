"""What the running parts are told: topics, rules, a model; all idempotent."""

import os
import subprocess
import sys

from demo.platform import Platform
from demo.progress import Steps
from local.errors import RuntimeProblem
from local.places import repository
from local.services import apply_topics as make_topics
from local.stack import Stack


def apply_topics(platform: Platform, steps: Steps) -> None:
    """Make the catalogue's topics and register their schemas."""
    with steps.step("Making topics and schemas"):
        make_topics(platform.stack)


def publish_rules_and_model(platform: Platform, steps: Steps) -> None:
    """Publish the default rules and the model, which is trained once and then cached."""
    with steps.step("Publishing rules"):
        kapstan(platform.stack, "rules", "apply")
    with steps.step("Training and publishing the model"):
        kapstan(platform.stack, "train", "--publish")


def kapstan(stack: Stack, *arguments: str) -> None:
    """Run a command of ours for the stack; raises RuntimeProblem with its message when it fails."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(repository()),
            "KAPSTAN_HOME": str(stack.home),
            "KAPSTAN_PORT_BASE": str(stack.port_base),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeProblem(
            "kapstan",
            f"`kapstan {' '.join(arguments)}` failed: {(done.stderr or done.stdout).strip()[-500:]}",
            remedy="run that command by itself to see all it says",
        )
