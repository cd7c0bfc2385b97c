import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.errors import StopError
from streamkit.state import MemoryState, PartitionState

keys = st.binary(min_size=1, max_size=3)
changes = st.lists(st.tuples(keys, st.none() | st.binary(max_size=3)), max_size=30)


def apply(state, model, made):
    for key, value in made:
        if value is None:
            state.delete(key)
            model.pop(key, None)
        else:
            state.put(key, value)
            model[key] = value


@given(changes, changes, keys, keys)
def test_the_overlay_reads_like_a_dict_over_what_is_committed(before, after, prefix, start):
    committed, model = MemoryState(), {}
    state = PartitionState(committed)
    apply(state, model, before)
    committed.apply(state.changes)
    state.clear()
    apply(state, model, after)
    for key in {*model, *(k for k, _ in before + after)}:
        assert state.get(key) == model.get(key)
    assert list(state.scan(b"")) == sorted(model.items())
    expected = [(k, v) for k, v in sorted(model.items()) if k.startswith(prefix) and k >= start]
    assert list(state.scan(prefix, start)) == expected


@given(changes, changes)
def test_cleared_changes_leave_what_is_committed(before, after):
    committed, model = MemoryState(), {}
    state = PartitionState(committed)
    apply(state, model, before)
    committed.apply(state.changes)
    state.clear()
    apply(state, dict(model), after)
    state.clear()
    assert list(state.scan(b"")) == sorted(model.items())


def older(values, version=1):
    committed = MemoryState()
    state = PartitionState(committed, version=version)
    for key, value in values.items():
        state.put(key, value)
    committed.apply(state.changes)
    return committed


def test_an_older_value_is_migrated_on_reading_and_stored_new_on_writing():
    committed = older({b"a": b"1", b"b": b"2"})
    state = PartitionState(
        committed, version=3, migrate=lambda version, key, value: b"%d:" % version + key + value
    )
    assert state.get(b"a") == b"1:a1"
    assert list(state.scan(b"")) == [(b"a", b"1:a1"), (b"b", b"1:b2")]
    state.put(b"a", b"new")
    assert state.get(b"a") == b"new"
    assert state.changes == {b"a": b"\x03new"}


@pytest.mark.parametrize(("stored", "mine"), [(1, 2), (2, 1)])
def test_another_form_without_a_way_to_migrate_is_refused(stored, mine):
    state = PartitionState(older({b"a": b"1"}, stored), version=mine)
    with pytest.raises(StopError, match=r"version .* `kapstan replay`"):
        state.get(b"a")


def test_a_newer_form_is_refused_even_with_a_migration():
    state = PartitionState(older({b"a": b"1"}, 9), version=2, migrate=lambda *_: b"")
    with pytest.raises(StopError, match="version 9"):
        list(state.scan(b"a"))
