"""What training gives."""

from dataclasses import asdict, dataclass
from typing import Any

from payments.features import FEATURE_NAMES
from payments.model import KIND, Model


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
