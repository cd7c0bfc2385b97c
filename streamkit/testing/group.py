"""Consumer groups of the in-memory broker: cooperative rebalances, static members, offsets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamkit.errors import FencedError
from streamkit.records import TopicPartition


@dataclass(slots=True, eq=False)
class GroupMember:
    """One member: what it should own (`target`) and what it has been given (`owned`)."""

    name: str
    instance: str | None
    topics: tuple[str, ...] = ()
    target: set[TopicPartition] = field(default_factory=set)
    owned: set[TopicPartition] = field(default_factory=set)
    alive: bool = True


class Group:
    """A group's members and committed offsets."""

    def __init__(self) -> None:
        self.offsets: dict[TopicPartition, int] = {}
        self.members: list[GroupMember] = []
        self._joined = 0

    def join(self, instance: str | None) -> GroupMember:
        """Add a member; one with a known instance takes over that member's place and fences it."""
        self._joined += 1
        member = GroupMember(f"member-{self._joined}", instance)
        for earlier in [m for m in self.members if instance is not None and m.instance == instance]:
            earlier.alive = False
            self.members.remove(earlier)
            member.topics = earlier.topics
            member.target = earlier.target
        self.members.append(member)
        return member

    def leave(self, member: GroupMember) -> None:
        """Remove a member; the others take its partitions at their next `consume`."""
        member.alive = False
        if member in self.members:
            self.members.remove(member)

    def check(self, member: GroupMember) -> None:
        """Raise FencedError when the member is no longer in the group."""
        if not member.alive:
            raise FencedError(
                f"{member.instance or member.name} was fenced: another process took its place in the group"
            )

    def rebalance(self, partitions: Mapping[str, int]) -> None:
        """Set new targets: as even as can be, and each partition stays where it is if that allows it.

        `partitions` maps each existing topic to its number of partitions.
        """
        for topic, count in partitions.items():
            takers = [m for m in self.members if topic in m.topics]
            every = [TopicPartition(topic, p) for p in range(count)]
            if not takers:
                continue
            quota, more = divmod(len(every), len(takers))
            for index, member in enumerate(sorted(takers, key=lambda m: (m.instance or "", m.name))):
                mine = sorted(tp for tp in member.target if tp.topic == topic)
                member.target -= set(mine[quota + (index < more) :])
            taken = {tp for m in takers for tp in m.target}
            for tp in [tp for tp in every if tp not in taken]:
                emptiest = min(takers, key=lambda m: (sum(t.topic == topic for t in m.target), m.name))
                emptiest.target.add(tp)
        for member in self.members:
            member.target = {
                tp for tp in member.target if tp.topic in member.topics and tp.topic in partitions
            }

    def taken_away(self, member: GroupMember) -> list[TopicPartition]:
        """Return what the member must give up now."""
        return sorted(member.owned - member.target)

    def granted(self, member: GroupMember) -> list[TopicPartition]:
        """Return what the member may take now: its target, less what another has not given up yet."""
        held = {tp for other in self.members if other is not member for tp in other.owned}
        return sorted(member.target - member.owned - held)
