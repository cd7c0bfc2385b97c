import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkit.errors import RetryableError, StopError
from streamkit.loop.mark import MARK_KEY, Mark
from streamkit.loop.store import PartitionStore, Place, SharedMemory, check_owner, discard
from streamkit.positions import Positions

keys = st.binary(min_size=1, max_size=3)
PLACE = Place("", "t", "id", "changelog-id", 7, 123)


@pytest.fixture
def opened(tmp_path):
    made = []

    def make():
        made.append(PartitionStore(tmp_path / "store", SharedMemory(8, 8)))
        return made[-1]

    yield make
    for store in made:
        store.close()


def test_changes_mark_and_place_survive_closing(opened):
    store = opened()
    assert (store.mark, store.place, store.get(b"a")) == (None, None, None)
    mark = Mark("id", 12, Positions.of({("s", 0): 3}), 2)
    store.write([(b"a", b"1"), (b"b", b"2"), (MARK_KEY, mark.encode())], PLACE)
    store.write([(b"a", None), (b"c", b"3")], PLACE)
    store.close()
    again = opened()
    assert list(again.scan(b"")) == [(b"b", b"2"), (b"c", b"3")]
    assert (again.mark, again.place) == (mark, PLACE)
    assert (again.get(b"a"), again.get(b"b")) == (None, b"2")


@settings(max_examples=15, deadline=None)
@given(
    made=st.lists(
        st.dictionaries(st.binary(min_size=1, max_size=3), st.none() | st.binary(max_size=3)), max_size=5
    )
)
def test_it_reads_like_a_dict(made, tmp_path_factory):
    store = PartitionStore(tmp_path_factory.mktemp("state") / "store", SharedMemory(8, 8))
    model = {}
    for changes in made:
        store.write(changes.items(), PLACE)
        model = {k: v for k, v in {**model, **changes}.items() if v is not None}
        assert {k: store.get(k) for k in changes} == {k: model.get(k) for k in changes}
    assert list(store.scan(b"")) == sorted(model.items())
    for start in model:
        assert list(store.scan(start[:1], start)) == sorted(
            (k, v) for k, v in model.items() if k.startswith(start[:1]) and k >= start
        )
    store.close()


def test_the_cache_is_bounded_and_never_wrong(opened, monkeypatch):
    monkeypatch.setattr("streamkit.loop.store._CACHE_BYTES", 100)
    store = opened()
    for n in range(50):
        store.write([(b"k%d" % n, b"x" * 20)], PLACE)
        assert sum(len(k) + len(v) for k, v in store._cache.items()) <= 100
    assert all(store.get(b"k%d" % n) == b"x" * 20 for n in range(50))


def test_a_store_that_is_open_elsewhere_is_worth_a_restart(opened):
    opened()
    with pytest.raises(RetryableError, match="Another process of the same slot"):
        opened()


@pytest.mark.parametrize("field", ["namespace", "topic", "topic_id", "changelog_id"])
def test_a_store_of_another_owner_is_refused(field, tmp_path):
    check_owner(PLACE, dataclasses.replace(PLACE, changelog_next=0, saved_ms=0), tmp_path)
    with pytest.raises(StopError, match="kapstan replay"):
        check_owner(dataclasses.replace(PLACE, **{field: "other"}), PLACE, tmp_path)


def test_a_discarded_store_is_gone(opened, tmp_path):
    store = opened()
    store.write([(b"a", b"1")], PLACE)
    store.close()
    discard(tmp_path / "store")
    assert opened().get(b"a") is None


def test_a_mark_of_another_form_is_refused():
    with pytest.raises(ValueError, match="form 9"):
        Mark.decode(b'{"form":9}')


def test_a_full_disk_is_called_one(opened, monkeypatch, tmp_path):
    class Full:
        def __init__(self, path, options):
            raise Exception("IO error: No space left on device: While appending to file")  # noqa: TRY002 - as rocksdict does

    monkeypatch.setattr("streamkit.loop.store.rocksdict.Rdict", Full)
    with pytest.raises(RetryableError, match="Make room on the disk"):
        PartitionStore(tmp_path / "s", SharedMemory())
