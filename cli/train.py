"""`kapstan train`: the fraud model, trained on simulated history with the services' own feature code."""

import json
import time
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

import typer

from cli.connection import SCHEMAS, AsJson, connected
from cli.options import Home, PortBase
from local.errors import RuntimeProblem
from local.places import cache_dir

TOPIC = "platform.models.v1"


def train(
    publish: Annotated[
        bool, typer.Option("--publish", help="Put the model in force for all decisions from now on.")
    ] = False,
    cache: Annotated[
        Path | None, typer.Option(help="Where trained models are kept.", show_default="the user's cache")
    ] = None,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Train a model, or take it from the cache, and print how good it is on days it has not seen.

    The same code and parameters give the same model, so training happens once.
    """
    from training.train import train as trained_model

    started = time.monotonic()
    folder = cache or cache_dir()
    _check_writable(folder)
    trained = trained_model(folder, progress=lambda step: typer.echo(f"{step} ...", err=True))
    answer: dict[str, Any] = {
        "model_hash": trained.model.hash,
        "from_cache": trained.from_cache,
        "seconds": round(time.monotonic() - started, 1),
        "metrics": trained.metrics,
    }
    if publish:
        from cli.publish import publish as put
        from streamkit.catalogue import Catalogue

        with connected(home, port_base) as platform:
            record = trained.as_record(platform.clock.now_ms())
            answer["published"] = put(platform, Catalogue.load(SCHEMAS), TOPIC, record)
    typer.echo(json.dumps(answer) if as_json else report(answer))


def _check_writable(folder: Path) -> None:
    """RuntimeProblem when `folder` cannot be written to; training takes minutes before it would."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RuntimeProblem(
            "kapstan",
            f"trained models cannot be kept in {folder}: {error.strerror}",
            remedy="name a folder that you may write to: --cache or KAPSTAN_CACHE",
        ) from error


def report(answer: dict[str, Any]) -> str:
    """The answer for people."""
    metrics = answer["metrics"]
    where = "from the cache" if answer["from_cache"] else f"trained in {answer['seconds']} s"
    lines = [f"model {answer['model_hash'][:12]}, {where}", ""]
    lines += [f"  {name.replace('_', ' '):<24} {value:.4f}" for name, value in metrics.items()]
    if "published" in answer:
        lines += ["", "in force" if answer["published"] else "in force already"]
    return "\n".join(lines)
