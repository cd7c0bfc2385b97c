"""Pure: what to do with a batch, given what the table says. The compare-and-swap is the only truth.

A batch claims: "the table stands at `base` for these partitions; with my rows it stands at `reached`".
Before each attempt the claim is judged against the table's head; after each attempt the answer says
whether that was it or the table is to be read again.
"""

from dataclasses import dataclass
from enum import Enum

from streamkit.positions import Positions


@dataclass(frozen=True, slots=True)
class Head:
    """A table as it stands.

    Attributes:
        table_uuid: changes when a table is dropped and made again.
        positions: of the newest snapshot that carries them; empty for a table without rows.
        commit_ids: of the snapshots behind its head, as far as the table still knows them.
    """

    table_uuid: str
    positions: Positions
    commit_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch for one table.

    Attributes:
        table_uuid: the table it was made for.
        commit_id: unique to the batch, the same over all attempts.
        base: where its partitions stood in the table when the batch was begun; absent ones had no position.
        reached: where they stand with it; names every partition of the batch.
    """

    table_uuid: str
    commit_id: str
    base: Positions
    reached: Positions


class Verdict(Enum):
    """What to do with a claim."""

    APPEND = "append"
    """The table stands where the batch begins: commit on top of its head."""

    LANDED = "landed"
    """An earlier attempt whose answer was lost is in the table: nothing to do."""

    STALE = "stale"
    """Another writer has moved these partitions: drop the batch, go on from the table's positions."""

    REPLACED = "replaced"
    """The table is another one under the same name: drop the batch, begin with that table."""


class Answer(Enum):
    """How the catalog answered an attempt."""

    DONE = "done"
    CONFLICT = "conflict"
    """The head had moved; nothing was changed."""

    UNKNOWN = "unknown"
    """A 5xx, a timeout or a cut connection: the change may be in force, or may still come."""


def judge(claim: Claim, head: Head) -> Verdict:
    """Return what to do with the claim on a table that stands at `head`.

    Raises:
        StopError: the topic was deleted and made again, so offsets cannot be compared.
    """
    if head.table_uuid != claim.table_uuid:
        return Verdict.REPLACED
    if claim.commit_id in head.commit_ids:
        return Verdict.LANDED
    claim.reached.merge(head.positions)  # refuses another topic id
    for tp in claim.reached:
        if head.positions.get(tp) != claim.base.get(tp):
            return Verdict.STALE
    return Verdict.APPEND


def settled(answer: Answer) -> bool:
    """Tell whether the attempt is over; otherwise the table is read again and the claim judged anew.

    Also after UNKNOWN the retry is safe: it asserts the head it has just read, so of this attempt and a
    late earlier one only one can come into force, and the next look finds the commit id.
    """
    return answer is Answer.DONE
