"""`kapstan rules check|apply [FILE]`: the fraud scorer's rules."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from cli.connection import SCHEMAS, AsJson, connected
from cli.options import Home, PortBase
from cli.publish import publish
from payments.rules import RuleSet, RuleSetError, parse_rules
from streamkit.catalogue import Catalogue

TOPIC = "platform.rules.v1"
DEFAULT = SCHEMAS / "rules" / "default.yaml"

File = Annotated[
    Path, typer.Argument(help="A file of rules (YAML).", show_default="schemas/rules/default.yaml")
]

rules = typer.Typer(help="The rules of the fraud scorer: check a file, or put it in force.")


@rules.command()
def check(file: File = DEFAULT, as_json: AsJson = False) -> None:
    """Compile the rules of FILE and say what is wrong with them; needs nothing running."""
    _say(_load(file), "well-formed", as_json=as_json)


@rules.command()
def apply(
    file: File = DEFAULT, home: Home = None, port_base: PortBase = None, as_json: AsJson = False
) -> None:
    """Put the rules of FILE in force for all decisions from now on; broken rules are refused."""
    found = _load(file)
    with connected(home, port_base) as platform:
        value: dict[str, Any] = {
            "rule_set_version": found.version,
            "event_time": platform.clock.now_ms(),
            "rules": [rule.model_dump(mode="json") for rule in found.rules],
        }
        new = publish(platform, Catalogue.load(SCHEMAS), TOPIC, value)
    _say(found, "in force" if new else "in force already", as_json=as_json)


def _load(file: Path) -> RuleSet:
    """Read and compile a file; on any fault prints it and exits with 1."""
    try:
        return RuleSet(parse_rules(yaml.safe_load(file.read_text(encoding="utf-8"))))
    except OSError as error:
        problem = f"{file} cannot be read: {error.strerror}."
    except UnicodeDecodeError as error:
        problem = f"{file} is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8."
    except yaml.YAMLError as error:
        problem = f"{file} is not YAML: {error}"
    except RuleSetError as error:
        problem = f"{file} holds broken rules; nothing was published.\n{error}"
    typer.echo(f"kapstan: {problem}", err=True)
    raise typer.Exit(1)


def _say(found: RuleSet, state: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"rule_set_version": found.version, "rules": len(found.rules), "state": state}))
    else:
        typer.echo(f"{len(found.rules)} rules, version {found.version}: {state}")
