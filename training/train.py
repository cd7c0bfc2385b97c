"""Train once, keep the result under a hash of everything that it depends on, and never train it again."""

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from payments.decision import Thresholds
from payments.features import FEATURE_NAMES
from payments.model import KIND, Model, ModelError
from training.dataset import Dataset, build
from training.evaluate import choose_thresholds, measure, outcomes
from training.fit import TreeParameters, fit
from training.protocol import DEMO, Protocol

_CODE = ("payments", "training")
_LIBRARIES = ("numpy", "scikit-learn")


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model with its measures; `payload` is what services read and what the hash covers."""

    payload: bytes
    metrics: dict[str, float]
    from_cache: bool = False

    @property
    def model(self) -> Model:
        """The model, ready to score."""
        return Model(self.payload)

    def as_record(self, event_time_ms: int) -> dict[str, Any]:
        """Value of platform.models.v1, published at `event_time_ms`."""
        model = self.model
        return {
            "model_hash": model.hash,
            "event_time": event_time_ms,
            "kind": KIND,
            "feature_names": list(FEATURE_NAMES),
            "payload": self.payload,
            "metrics": self.metrics,
            "thresholds": asdict(model.thresholds),
        }


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
    progress("Computing the features of 58 days of transactions")
    dataset = build(protocol)
    trained = learn(dataset, protocol, parameters, progress)
    _write(path, trained)
    return trained


def learn(
    dataset: Dataset,
    protocol: Protocol,
    parameters: TreeParameters,
    progress: Callable[[str], None] = lambda _: None,
) -> TrainedModel:
    """Fit on the training days, choose thresholds on customers left out, judge on the test days."""
    world = protocol.create_world()
    past, future = dataset.on(protocol.train), dataset.on(protocol.test)
    frauds = past.frauds(world.start_ms(protocol.labelled_by(protocol.train)))
    progress(f"Choosing thresholds with {parameters.folds} folds of {len(frauds):,} transactions")
    unseen = np.zeros(len(frauds))
    for fold in range(parameters.folds):
        held_out = past.customer % parameters.folds == fold
        partial = fit(past.vectors[~held_out], frauds[~held_out], parameters, Thresholds(1.0, 1.0))
        unseen[held_out] = Model(partial.canonical()).score(past.vectors[held_out])
    progress("Training")
    thresholds = choose_thresholds(frauds, unseen)
    payload = fit(past.vectors, frauds, parameters, thresholds).canonical()
    scores = np.zeros(len(dataset.day))
    scores[dataset.day >= protocol.test.start] = Model(payload).score(future.vectors)
    known_at_ms = world.start_ms(protocol.labelled_by(protocol.test))
    starts = {day: world.start_ms(day) for day in protocol.test}
    metrics = measure(dataset, scores, known_at_ms, starts, protocol.top)
    metrics |= outcomes(future.frauds(known_at_ms), scores[-len(future.day) :], thresholds)
    return TrainedModel(payload, {name: round(value, 4) for name, value in metrics.items()})


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
