"""Train once, keep the result under a hash of everything that it depends on, and never train it again."""

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from payments.model import ModelError
from training.parameters import TreeParameters
from training.protocol import DEMO, Protocol
from training.trained import TrainedModel

_CODE = ("payments", "training")
_LIBRARIES = ("numpy", "scikit-learn")


def train(
    cache: Path,
    *,
    protocol: Protocol = DEMO,
    parameters: TreeParameters | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> TrainedModel:
    """Return the model of `protocol`, from `cache` when the same code has trained it before.

    Blocks; about 30 s on one core for the demo's world. `progress` is told what is being done.

    Raises:
        OSError: the cache folder cannot be written.
    """
    parameters = parameters or TreeParameters()
    path = cache / "models" / f"{fingerprint(protocol, parameters)}.json"
    known = _read(path)
    if known is not None:
        return known
    # The learning library takes seconds to import, and a model that is in the cache does not need it.
    from training.dataset import build
    from training.learn import learn

    progress("Computing the features of 58 days of transactions")
    dataset = build(protocol)
    trained = learn(dataset, protocol, parameters, progress)
    _write(path, trained)
    return trained


def fingerprint(protocol: Protocol, parameters: TreeParameters) -> str:
    """Hash of the source of payments/ and training/, the parameters and the libraries' versions."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(path for folder in _CODE for path in (root / folder).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    described = [protocol.to_json(), asdict(parameters), [importlib.metadata.version(n) for n in _LIBRARIES]]
    digest.update(json.dumps(described, sort_keys=True).encode())
    return digest.hexdigest()[:32]


def _read(path: Path) -> TrainedModel | None:
    """The cached result; None when there is none that can be used."""
    try:
        data = json.loads(path.read_bytes())
        trained = TrainedModel(data["payload"].encode(), data["metrics"], from_cache=True)
        if trained.model.hash != data["model_hash"]:
            return None
    except (FileNotFoundError, ValueError, KeyError, ModelError):
        return None
    return trained


def _write(path: Path, trained: TrainedModel) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {
        "model_hash": trained.model.hash,
        "metrics": trained.metrics,
        "payload": trained.payload.decode(),
    }
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(data))
    unfinished.replace(path)
