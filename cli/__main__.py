"""`kapstan COMMAND`: each command is one line of COMMANDS, imported only when it is called."""

from __future__ import annotations

import difflib
import importlib
import signal
import sys
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

# command -> (module, function or typer.Typer in it, what `kapstan --help` says)
COMMANDS = MappingProxyType(
    {
        "demo": ("cli.demo", "demo", "Start everything and send live traffic, with one page to watch."),
        "up": ("cli.up", "up", "Start the platform's parts and wait until each truly serves."),
        "status": ("cli.status", "status", "Show every part: state, memory, addresses."),
        "logs": ("cli.logs", "logs", "Show a part's log."),
        "key": ("cli.key", "key", "Print the API key of the stack's gateway."),
        "restart": ("cli.restart", "restart", "Stop one part and start it again."),
        "down": ("cli.down", "down", "Stop everything; data stays."),
        "reset": ("cli.reset", "reset", "Stop everything and delete its data."),
        "topics": ("cli.topics", "topics", "Apply or compare the topic catalogue."),
        "windows": ("cli.windows", "windows", "Apply, list or stop the event-time windows."),
        "dlq": ("cli.dlq", "dlq", "List, show or send back the records that were put aside."),
        "rules": ("cli.rules", "rules", "Check the fraud scorer's rules, or put them in force."),
        "train": ("cli.train", "train", "Train the fraud model, or take it from the cache; publish it."),
        "bench": ("cli.bench", "bench", "Run a benchmark."),
        "audit": ("cli.audit", "audit", "Compare the stores record by record: lost, doubled, repeats."),
        "replay": ("cli.replay", "replay", "Run a service or window again over a part of the log."),
        "compare": ("cli.compare", "compare", "Say whether a replay equals live, record for record."),
        "explain": ("cli.explain", "explain", "Do a past decision again, and show every input it used."),
        "test": ("cli.test", "test", "Run the tests, cheapest tier first."),
        "check": ("cli.check", "check", "Lint, format, types and import rules."),
    }
)


def usage() -> str:
    """What `kapstan --help` prints; names every command without importing any."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, (_, _, summary) in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: kapstan COMMAND [OPTIONS]",
            "",
            "A streaming data platform around one log.",
            "",
            "Commands:",
            *lines,
            "",
            "`kapstan COMMAND --help` says more about one.",
        ]
    )


def load(name: str) -> Callable[..., Any]:
    """The command as something to call with `args` and `prog_name`, from a function or a typer.Typer."""
    import typer

    module, attribute, _ = COMMANDS[name]
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_group(found)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name)(found)
    return typer.main.get_command(app)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; a failure prints one message that says what to do."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(usage() + "\n")
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "`kapstan --help` lists what there is."
        sys.stderr.write(f"kapstan: there is no command `{name}`; {hint}\n")
        return 2
    from cli.failures import explain
    from local.errors import RuntimeProblem

    # A closed terminal or a plain `kill` must clean up as Ctrl-C does.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        load(name)(args=rest, prog_name=f"kapstan {name}")
    except RuntimeProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("kapstan: interrupted\n")
        return 130
    except Exception as error:  # noqa: BLE001 - the last frame: it becomes a message and the exit code
        sys.stderr.write(explain(error, name) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
