"""`python -m replay.service SERVICE`: a transform in a replay, with bronze as the past of what it reads.

Live, each service runs in an environment of its own, which knows nothing of the lake. A replay runs the same
code in the operator's environment, which does.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from replay.past import past_of
from services.enricher import app as enricher
from services.enricher.config import EnricherSettings
from services.fraud_scorer import app as fraud_scorer
from services.fraud_scorer.config import FraudScorerSettings
from services.lake_sink.config import LakeSettings
from services.refiner import app as refiner
from services.refiner.config import RefinerSettings
from streamkit.broker import Broker
from streamkit.config import WorkerSettings, variable
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient
from streamkit.replay.past import PastBroker
from streamkit.service import serve


@dataclass(frozen=True, slots=True)
class _Service:
    """A service's settings, and what runs it with them over a broker."""

    settings: type[WorkerSettings]
    run: Callable[[Any, Broker], None]


_SERVICES: Mapping[str, _Service] = {
    enricher.SERVICE: _Service(EnricherSettings, enricher.run),
    fraud_scorer.SERVICE: _Service(FraudScorerSettings, fraud_scorer.run),
    refiner.SERVICE: _Service(RefinerSettings, refiner.run),
}


def main() -> None:
    """Run the service that the command line names, to the end of its plan; exits as any service does."""
    name = sys.argv[1]
    service = _SERVICES[name]
    serve(name, service.settings, lambda settings: service.run(settings, broker_of(settings)))


def broker_of(settings: WorkerSettings) -> Broker:
    """Return the broker to replay over; without a lake's address in the environment it is Kafka alone."""
    broker = KafkaBroker(settings.bootstrap_servers)
    if variable("catalog_uri") not in os.environ:
        return broker
    # Live's tables are read, whatever the namespace that is written to.
    lake = LakeSettings.load(mode="live", namespace="")
    return PastBroker(broker, past_of(lake, RegistryClient(settings.registry_url), broker.admin()))


if __name__ == "__main__":
    main()
