"""The mark: how far a partition's state has come, kept in the state itself and in its changelog."""

from dataclasses import dataclass, field

import orjson

from streamkit.positions import Positions

# Under this key the mark lies among the user's keys; what begins with \x00kapstan/ is reserved.
MARK_KEY = b"\x00kapstan/mark"
# The second form has a place in the retry topic as well. A program that knows only the first refuses it,
# because it would forget that place, and what was redriven would take effect again.
_FORM, _FORM_WITH_RETRY = 1, 2


@dataclass(frozen=True, slots=True)
class Mark:
    """The state holds exactly what follows from the input before `next_offset`.

    `side` is the vector of side positions that the last batch saw, `rejected_in_a_row` how many records
    up to here went to the dead letters without one in between that did not. Of the retry topic with the id
    `retry_id` the state holds what lies before `retry_next`.
    """

    topic_id: str
    next_offset: int
    side: Positions = field(default_factory=Positions)
    rejected_in_a_row: int = 0
    retry_id: str = ""
    retry_next: int = 0

    def encode(self) -> bytes:
        """Return the mark as the changelog holds it."""
        side = [[tp.topic, tp.partition, offset] for tp, offset in sorted(self.side.items())]
        fields = {"form": _FORM, "topic_id": self.topic_id, "next": self.next_offset, "side": side}
        fields["rejected"] = self.rejected_in_a_row
        if self.retry_next:
            fields |= {"form": _FORM_WITH_RETRY, "retry_id": self.retry_id, "retry_next": self.retry_next}
        return orjson.dumps(fields)

    @classmethod
    def decode(cls, raw: bytes) -> "Mark":
        """Read what `encode` wrote; raises ValueError when it is something else."""
        fields = orjson.loads(raw)
        if fields.get("form") not in (_FORM, _FORM_WITH_RETRY):
            raise ValueError(f"mark of form {fields.get('form')}, expected {_FORM} or {_FORM_WITH_RETRY}")
        side = Positions.of({(topic, partition): offset for topic, partition, offset in fields["side"]})
        return cls(
            fields["topic_id"],
            fields["next"],
            side,
            fields["rejected"],
            fields.get("retry_id", ""),
            fields.get("retry_next", 0),
        )
