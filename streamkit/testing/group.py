"""Consumer groups of the in-memory broker: rebalances with a barrier, static members, offsets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamkit.errors import FencedError
from streamkit.records import TopicPartition


@dataclass(slots=True, eq=False)
class GroupMember:
    """One member: what it should own (`target`), what it has been given (`owned`), and since when.

    `generation` is the group's generation that the member has joined, `synced` the one whose assignment
    it has.
    """

    name: str
    instance: str | None
    topics: tuple[str, ...] = ()
    target: set[TopicPartition] = field(default_factory=set)
    owned: set[TopicPartition] = field(default_factory=set)
    alive: bool = True
    generation: int = 0
    synced: int = 0


class Group:
    """A group's members and committed offsets."""

    def __init__(self) -> None:
        self.offsets: dict[TopicPartition, int] = {}
        self.members: list[GroupMember] = []
        self._joined = 0
        self._generation = 0

    def join(self, instance: str | None) -> GroupMember:
        """Add a member; one with a known instance takes over that member's place and fences it."""
        self._joined += 1
        member = GroupMember(f"member-{self._joined}", instance)
        for earlier in [m for m in self.members if instance is not None and m.instance == instance]:
            earlier.alive = False
            self.members.remove(earlier)
            member.topics = earlier.topics
            member.target = earlier.target
            member.generation = self._generation
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
        before = self._targets()
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

        if before != self._targets():
            self._generation += 1

    def taken_away(self, member: GroupMember) -> list[TopicPartition] | None:
        """Return what the member must give up now to join a new generation; None when there is none."""
        if member.generation == self._generation:
            return None
        return sorted(member.owned)

    def joined(self, member: GroupMember) -> None:
        """Note that the member owns nothing any more and has joined the present generation."""
        member.owned = set()
        member.generation = self._generation

    def granted(self, member: GroupMember) -> list[TopicPartition]:
        """Return what the member may take now: all of its target, once every member has joined."""
        waiting = any(other.generation != self._generation for other in self.members if other.topics)
        if waiting or member.synced == self._generation:
            return []
        member.synced = self._generation
        return sorted(member.target)

    def _targets(self) -> dict[str, frozenset[TopicPartition]]:
        return {member.name: frozenset(member.target) for member in self.members}
