"""What a replay processes: agreed before it starts, so that it ends and can go on after a kill."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self, get_args

import orjson

from streamkit.errors import StopError
from streamkit.positions import Positions

Sides = Literal["recorded", "latest", "corrected"]


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """One run of a service over a part of its inputs.

    Attributes:
        service: whose code runs.
        starts: what is written begins here; a transform reads from the beginning to have the state that
            live had here.
        ends: the run ends before these offsets; carries the topics' ids.
        outputs: live topics that say, record by record, at which side positions live processed.
        sides: `recorded` has side inputs as live had them, `latest` as they are now; `corrected` has them as
            of each record's event time, and takes the input of all partitions by event time.
        replaced: side topics of live, and what is read in their place.
        fed: namespace of the replay whose outputs are the input, in the order of live's; empty for live's.
        tails: whether a sink goes on beyond the ends, until it is stopped.
        seam: of a window, before which offsets records are read from bronze; empty when Kafka has them all.
    """

    service: str
    starts: Positions
    ends: Positions
    outputs: tuple[str, ...] = ()
    sides: Sides = "recorded"
    replaced: Mapping[str, str] = field(default_factory=dict)
    fed: str = ""
    tails: bool = False
    seam: Positions = field(default_factory=Positions)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The topics that are read."""
        return tuple(sorted({tp.topic for tp in self.ends}))

    def to_json(self) -> str:
        """Return the plan as its file holds it."""
        fields = {
            "service": self.service,
            "starts": orjson.loads(self.starts.to_json()),
            "ends": orjson.loads(self.ends.to_json()),
            "outputs": self.outputs,
            "sides": self.sides,
            "replaced": dict(self.replaced),
            "fed": self.fed,
            "tails": self.tails,
            "seam": orjson.loads(self.seam.to_json()),
        }
        return orjson.dumps(fields, option=orjson.OPT_INDENT_2).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote; raises StopError when it is something else."""
        try:
            fields = orjson.loads(text)
            return cls(
                fields["service"],
                Positions.from_json(orjson.dumps(fields["starts"])),
                Positions.from_json(orjson.dumps(fields["ends"])),
                tuple(fields["outputs"]),
                {each: each for each in get_args(Sides)}[fields["sides"]],
                dict(fields.get("replaced", {})),  # a plan from before these were known has none of them
                fields.get("fed", ""),
                fields.get("tails", False),
                Positions.from_json(orjson.dumps(fields["seam"])) if "seam" in fields else Positions(),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StopError(
                f"the plan of the replay cannot be read: {error}",
                hint="It was written by another version: replay again with this one, in a new namespace",
            ) from error
