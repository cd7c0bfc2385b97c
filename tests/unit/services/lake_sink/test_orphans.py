from itertools import count
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.lake_sink.orphans import InUse, Seen, attempt_name, orphans

TABLE, OTHER = UUID(int=1), UUID(int=2)


class Model:
    """A table of which only names count: snapshots with their files, and attempts that are on their way."""

    def __init__(self):
        self.head, self.snapshots, self.files, self.attempts = 0, {}, set(), []
        self._ids = count(1)

    def begin(self, merges):
        """Write the files of an attempt on the head; with `merges` one of them takes the place of all."""
        commit = next(self._ids)
        name = attempt_name(TABLE, self.head or None, f"c{commit}", 0)
        own = {f"{name}-added.avro", f"snap-{commit}-{name}.avro"}
        carried = {each for each in self.snapshots.get(self.head, ()) if not each.startswith("snap-")}
        if merges and carried:
            carried = {f"{name}-merged.avro"}
        self.files |= own | carried
        self.attempts.append((self.head, commit, own | carried))

    def land(self, which):
        """Let one of the attempts ask for the compare-and-swap, however old it is."""
        parent, commit, names = self.attempts.pop(which % len(self.attempts))
        if parent == self.head:
            self.head = commit
            self.snapshots[commit] = names

    def expire(self, keep):
        for snapshot in list(self.snapshots)[:-keep]:  # in the order of their landing
            del self.snapshots[snapshot]

    def sweep(self):
        used = InUse(TABLE, set(self.snapshots), set().union(*self.snapshots.values()))
        self.files -= set(orphans([Seen(name, 0.0) for name in self.files], used, 0.0))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.booleans()),
        st.tuples(st.just("land"), st.integers(0, 3)),
        st.tuples(st.just("expire"), st.integers(1, 3)),
        st.tuples(st.just("sweep")),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_snapshot_ever_lacks_a_file_whatever_was_stopped_for_how_long(steps):
    model = Model()
    for what, *how in steps:
        if what != "land" or model.attempts:
            getattr(model, what)(*how)
        for names in model.snapshots.values():
            assert names <= model.files
    model.expire(1)
    model.sweep()
    left = model.files - set().union(*model.snapshots.values())
    assert {int(name.split("-p")[1].split("-")[0]) for name in left} <= {0, model.head}


def names_of(parent, table=TABLE):
    name = attempt_name(table, parent, "c", 0)
    return [f"{name}-added.avro", f"{name}-merged.avro", f"snap-77-{name}.avro"]


def test_what_is_named_after_a_snapshot_that_is_gone_goes_and_all_else_stays():
    used = InUse(TABLE, {5, 6}, {names_of(1)[0]})
    foreign = ["v3.metadata.json", "abc-m0.avro", "snap-1-0-abc.avro", *names_of(1, OTHER)]
    seen = [Seen(name, 0.0) for name in [*names_of(1), *names_of(5), *foreign]]
    assert set(orphans(seen, used, 0.0)) == set(names_of(1)[1:])


def test_a_file_stays_for_its_time_of_grace_by_the_stores_own_clock():
    old, young, newest = names_of(1)
    seen = [Seen(newest, 1000.0), Seen(old, 899.0), Seen(young, 901.0)]
    assert orphans(seen, InUse(TABLE, {5}, set()), 100.0) == [old]
    assert orphans([], InUse(TABLE, {5}, set()), 100.0) == []
