import pytest

from flink_jobs.windows.applied import changes, remember
from flink_jobs.windows.errors import StartRefusedError
from flink_jobs.windows.submit import refuse_changed
from tests.support.window_declarations import bound


def test_what_was_never_applied_has_no_changes(tmp_path, window):
    assert changes(tmp_path, "sales", window.declaration) == []
    refuse_changed(tmp_path, "sales", window)


def test_a_change_of_the_rows_is_named_and_refused(tmp_path, window):
    remember(tmp_path, "sales", window.declaration)
    assert changes(tmp_path, "sales", window.declaration) == []
    changed = bound(lateness="17m")
    assert changes(tmp_path, "sales", changed.declaration) == ["lateness"]
    assert changes(tmp_path, "other", changed.declaration) == []
    with pytest.raises(StartRefusedError, match=r"window sales: lateness changed .* under a new name"):
        refuse_changed(tmp_path, "sales", changed)


def test_what_does_not_touch_the_rows_may_change(tmp_path, window):
    remember(tmp_path, "sales", window.declaration)
    other = bound(owner="nobody", description="Something else.", checkpoint_interval="9m")
    assert changes(tmp_path, "sales", other.declaration) == []
    refuse_changed(tmp_path, "sales", other)
