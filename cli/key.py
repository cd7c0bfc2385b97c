"""`kapstan key`: the API key of a local stack, to try its gateway with."""

from __future__ import annotations

import sys

from cli.options import Home


def key(home: Home = None) -> None:
    """Print the API key that the stack's own gateway takes; made once per stack, it may write any topic.

    For example: KAPSTAN_API_KEY=$(./kapstan key)
    """
    from local.errors import RuntimeProblem
    from local.services import demo_key
    from local.stack import Stack

    stack = Stack.at(home)
    if not stack.secret_file("demo-key").is_file():
        raise RuntimeProblem(
            "kapstan",
            f"the stack in {stack.home} has no key yet",
            remedy="start it first: `kapstan demo`, or `kapstan up --only ingest_gateway`",
        )
    sys.stdout.write(demo_key(stack) + "\n")
