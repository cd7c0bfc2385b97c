"""fraud_scorer: wires the pure step to Kafka, the registry and the probes."""

from services.fraud_scorer.config import FraudScorerSettings
from services.fraud_scorer.score import ALERT_OUTPUT, ALERTS, DECISION_OUTPUT, DECISIONS, INPUT, Score
from services.fraud_scorer.sides import (
    FRAUD_REPORTS,
    MODELS,
    RULES,
    labels_input,
    models_input,
    rules_input,
)
from streamkit.ahead import Ahead
from streamkit.broker import Broker
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.health import HealthServer
from streamkit.heartbeat import HeartbeatRule, UpstreamGroup
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import Bounded, present_ends
from streamkit.loop.status import LoopStatus
from streamkit.registry import RegistryClient
from streamkit.replay.run import replay_transform
from streamkit.serde import Decoder
from streamkit.service import serve
from streamkit.transform import TransformSpec, run_transform

SERVICE = "fraud_scorer"

# A heartbeat may not pass what the enricher has still to write.
_UPSTREAM = UpstreamGroup("enricher", ("payments.transactions.v1",))


def main() -> None:
    """Run the service until SIGTERM; the process's exit code says how it ended (`streamkit.service`)."""
    serve(SERVICE, FraudScorerSettings, run)


def run(settings: FraudScorerSettings, broker: Broker | None = None) -> None:
    """Run until asked to stop or, with `history` or in a replay, to the ends that are set; blocks.

    Without a broker it is the Kafka that the settings name.
    Raises StreamkitError when the process has to end.
    """
    status = LoopStatus()
    status.stop_on_signals()
    with HealthServer(settings, ready={"loop": status.ready}, live={"loop": status.live}):
        codecs = Codecs(Catalogue.load(settings.schemas_dir), RegistryClient(settings.registry_url))
        broker = broker if broker is not None else KafkaBroker(settings.bootstrap_servers)
        if settings.mode == "replay":
            replay_transform(spec(codecs), settings, status=status, broker=broker)
            return
        ahead = ahead_of(codecs) if settings.history else None
        bounded = present(broker, ahead) if ahead is not None else None
        run_transform(spec(codecs, ahead), settings, status=status, bounded=bounded, broker=broker)


def spec(codecs: Codecs, decoder: Decoder | None = None) -> TransformSpec:
    """Return the scorer as the loop runs it; `decoder` reads its input otherwise than one by one.

    Raises:
        RetryableError: the registry is away, or the topics are not applied yet.
    """
    return TransformSpec(
        service=SERVICE,
        inputs=(INPUT,),
        outputs={DECISION_OUTPUT: DECISIONS, ALERT_OUTPUT: ALERTS},
        step=Score(decoder or codecs.decoder(INPUT), codecs.encoder(DECISIONS), codecs.encoder(ALERTS)),
        side_inputs=(
            labels_input(codecs.decoder(FRAUD_REPORTS)),
            rules_input(codecs.decoder(RULES)),
            models_input(codecs.decoder(MODELS)),
        ),
        heartbeat_outputs={
            DECISION_OUTPUT: codecs.heartbeat(DECISIONS),
            ALERT_OUTPUT: codecs.heartbeat(ALERTS),
        },
        heartbeat_rule=HeartbeatRule(upstream=(_UPSTREAM,)),
        encode_dead_letter=codecs.dead_letters(),
    )


def present(broker: Broker, ahead: Ahead) -> Bounded:
    """All that the topic holds now, to be taken by the time at which the card was used."""
    return Bounded(present_ends(broker, (INPUT,)), ahead.event_time)


def ahead_of(codecs: Codecs) -> Ahead:
    """Return what tells event times to `present` and gives `spec` what was decoded for that."""
    return Ahead(codecs.decoder(INPUT), "event_time")
