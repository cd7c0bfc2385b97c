"""Where a window's replay goes over from bronze to Kafka, and whether Kafka still has what it reads there."""

from replay.errors import ReplayRefusedError
from streamkit.broker import Admin
from streamkit.positions import Positions
from streamkit.replay.past import Past
from streamkit.replay.plan import ReplayPlan


def seam_of(ends: Positions, admin: Admin, past: Past) -> Positions:
    """Return before which offsets a window's records are read from bronze; empty when Kafka has them all.

    As far on as bronze is, not where Kafka begins: retention moves that on while a job reads.

    Args:
        ends: the ends of every input partition, with the topic's id.
        admin: asks Kafka; blocks.
        past: what bronze holds; blocks.
    """
    partitions = sorted(ends)
    if not any(admin.start_offsets(partitions).values()):
        return Positions()
    reaches = {topic: past.reaches(topic, ends.topic_ids[topic]) for topic in {tp.topic for tp in partitions}}
    return Positions({tp: min(reaches[tp.topic].get(tp.partition, 0), ends[tp]) for tp in partitions})


def check_kept(plan: ReplayPlan, admin: Admin) -> None:
    """Raise ReplayRefusedError when Kafka no longer has all that a window's replay reads of it.

    Flink would begin at the oldest record without a word. Called before the job and behind it, because
    retention does not wait for it; blocks.
    """
    starts, seam = admin.start_offsets(sorted(plan.ends)), plan.seam
    lost = [tp for tp, end in sorted(plan.ends.items()) if starts[tp] > seam.get(tp, 0) < end]
    if lost:
        places = ", ".join(f"{tp.partition}:{starts[tp]}" for tp in lost)
        raise ReplayRefusedError(
            f"Kafka has deleted records of {lost[0].topic} that the replay reads; the oldest are at {places}",
            hint="Start the lake if bronze has them, and replay again in a new namespace",
        )
