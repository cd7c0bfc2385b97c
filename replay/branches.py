"""What a replay that may be promoted has in live's tables: a branch of each, then a tag."""

import uuid

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table.snapshots import Snapshot

from replay.errors import ReplayRefusedError
from replay.kept import Replay
from services.lake_sink.lines import Lines, Standing, before_tag, replay_branch, standing
from services.lake_sink.provenance import table_name
from services.lake_sink.switch import Name, Switch
from streamkit.clock import Clock

_BRONZE = "bronze"  # live's


class Branches:
    """What one replay has in live's tables. Calls block on the lake; raise as Switch does."""

    def __init__(self, replay: Replay, lake: RestCatalog, clock: Clock) -> None:
        self._topics = replay.target.inputs
        self.switch = Switch(lake, clock, replay.namespace, lambda: uuid.uuid4().hex)

    def begin(self) -> None:
        """Make the branches that are not there; raises ReplayRefusedError where live has no rows yet."""
        for topic in self._topics:
            if not self.switch.begin(name_of(topic)):
                raise ReplayRefusedError(
                    f"live's table has no rows of {topic}, whose place a replay could take",
                    hint="Wait until lake_sink has written some, or leave the topic out with --topic",
                )

    def lines(self) -> dict[str, Lines]:
        """Return the lines of each topic's table."""
        return {topic: self.switch.lines(name_of(topic)) for topic in self._topics}

    def standings(self) -> dict[str, Standing]:
        """Return how the replay stands in each topic's table."""
        return {topic: standing(lines) for topic, lines in self.lines().items()}

    def drop(self) -> None:
        """Take all of it away; what main is stays."""
        for topic in self._topics:
            self.switch.drop(name_of(topic))


def name_of(topic: str) -> Name:
    """Return the name of live's table of a topic."""
    return (_BRONZE, table_name(topic))


def branch_rows(replay: Replay, lake: RestCatalog) -> dict[str, int]:
    """Return how many rows there are under the replay's names in live's tables; blocks on the lake."""
    found = {}
    for topic in replay.target.inputs:
        try:
            metadata = lake.load_table(name_of(topic)).metadata
        except NoSuchTableError:
            continue
        for ref in (replay_branch(replay.namespace), before_tag(replay.namespace)):
            if ref in metadata.refs:
                found[f"{'.'.join(name_of(topic))}@{ref}"] = rows_in(metadata.snapshot_by_name(ref))
    return found


def rows_in(snapshot: Snapshot | None) -> int:
    """Return how many rows a snapshot has, as its summary says."""
    if snapshot is None or snapshot.summary is None:
        return 0
    return int(snapshot.summary.additional_properties.get("total-records", "0"))
