"""Routing: which topics are read and written, and how that changes while the loop runs."""

from streamkit.aside import Ask
from streamkit.broker import Admin, Consumer
from streamkit.clock import Clock
from streamkit.errors import RetryableError
from streamkit.loop.assignment import Assignment
from streamkit.loop.changelog import ensure_changelogs
from streamkit.loop.emit import Emitter
from streamkit.loop.recreation import Recreation
from streamkit.loop.retries import Retries
from streamkit.outputs import resolve
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.side import SideView
from streamkit.transform import Topics, TransformSpec

_TRY_AGAIN_S = 1.0


class Routing:
    """Subscribes, makes changelogs, and names the topics of outputs."""

    def __init__(
        self,
        spec: TransformSpec,
        namespace: str,
        admin: Admin,
        ask: Ask,
        clock: Clock,
        retries: Retries,
    ) -> None:
        self._spec = spec
        self._namespace = namespace
        self._admin = admin
        self._clock = clock
        self._retries = retries
        self._seen: Positions | None = None
        self._next_try = 0.0
        self._recreation = Recreation(admin, ask, clock)
        self._ids: dict[str, str] = {}
        self.topics = Topics((), {})

    def follow(self, view: SideView, consumer: Consumer, assignment: Assignment, emitter: Emitter) -> None:
        """Take up what the spec, or the side view through it, now asks for.

        A topic that is declared but not made yet is asked for again each second; one of a fixed spec
        raises RetryableError.
        """
        if self._seen is not None and (self._spec.follow is None or view.positions is self._seen):
            return
        if self._clock.monotonic() < self._next_try:
            return
        wanted = self._wanted(view)
        known = self._admin.topics(wanted.inputs) if self._spec.follow is not None else wanted.inputs
        inputs = tuple(topic for topic in wanted.inputs if topic in known)
        if inputs != self.topics.inputs:
            found, changelogs = ensure_changelogs(self._admin, self._namespace, self._spec.service, inputs)
            assignment.know(found, changelogs)
            self._retries.know(inputs)
            ids = {topic: info.topic_id for topic, info in found.items()}
            self._ids = {**ids, **self._retries.ids}
            consumer.subscribe(inputs, assignment.assigned, assignment.revoked)
        emitter.route(resolve(wanted.outputs, self._namespace))
        self.topics = Topics(inputs, wanted.outputs, wanted.heartbeat_outputs)
        if len(inputs) == len(wanted.inputs):
            self._seen = view.positions
        else:
            self._next_try = self._clock.monotonic() + _TRY_AGAIN_S

    def check(self) -> None:
        """Raise StopError when an input or its retry topic was deleted and made again; see Recreation."""
        self._recreation.check(self._ids)

    def first_partition(self) -> TopicPartition:
        """Return the partition whose owner does what one worker of the group has to do for all."""
        return TopicPartition(min(self.topics.inputs, default=""), 0)

    def _wanted(self, view: SideView) -> Topics:
        if self._spec.follow is not None:
            return self._spec.follow(view)
        if not self._spec.inputs:
            raise RetryableError(f"{self._spec.service} has no input topic", hint="Name one in its spec")
        return Topics(self._spec.inputs, self._spec.outputs, self._spec.heartbeat_outputs)
