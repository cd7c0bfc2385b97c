"""refiner: wires the pure step to Kafka, the registry and the probes."""

from services.refiner.config import RefinerSettings
from services.refiner.refine import Limits, Refine
from streamkit.broker import Broker
from streamkit.catalogue import TOPIC, Catalogue
from streamkit.catalogue_entries import catalogue_side_input
from streamkit.codecs import Codecs
from streamkit.health import HealthServer
from streamkit.loop.status import LoopStatus
from streamkit.registry import RegistryClient
from streamkit.replay.run import replay_transform
from streamkit.service import serve
from streamkit.transform import TransformSpec, run_transform

SERVICE = "refiner"


def main() -> None:
    """Run the service until SIGTERM; the process's exit code says how it ended (`streamkit.service`)."""
    serve(SERVICE, RefinerSettings, run)


def run(settings: RefinerSettings, broker: Broker | None = None) -> None:
    """Run until asked to stop, in a replay to its end; blocks. Raises StreamkitError when it has to end.

    Without a broker it is the Kafka that the settings name.
    """
    status = LoopStatus()
    status.stop_on_signals()
    with HealthServer(settings, ready={"loop": status.ready}, live={"loop": status.live}):
        registry = RegistryClient(settings.registry_url)
        run_it = replay_transform if settings.mode == "replay" else run_transform
        run_it(spec(settings, registry), settings, status=status, broker=broker)


def spec(settings: RefinerSettings, registry: RegistryClient) -> TransformSpec:
    """Return the refiner as the loop runs it; inputs and outputs follow the catalogue in force.

    Raises:
        CatalogueError: this checkout's schema files cannot be used.
        RetryableError: the registry is away, or the platform's own topics are not applied yet.
    """
    codecs = Codecs(Catalogue.load(settings.schemas_dir), registry)
    refine = Refine(
        registry,
        Limits(
            repeat_window_ms=settings.repeat_window_hours * 3_600_000,
            future_ms=settings.future_limit_minutes * 60_000,
        ),
    )
    return TransformSpec(
        service=SERVICE,
        inputs=(),
        outputs={},
        step=refine,
        follow=refine.topics,
        side_inputs=(catalogue_side_input(codecs.decoder(TOPIC)),),
        encode_dead_letter=codecs.dead_letters(),
    )
