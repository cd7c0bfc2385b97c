"""Windows computed in batch from the log, by the same rule, into tables of a namespace of its own."""

from collections.abc import Mapping

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.config import Settings
from flink_jobs.windows.errors import SettingsError, StartRefusedError
from flink_jobs.windows.plan import plan
from flink_jobs.windows.source import Reach


def parse_offsets(text: str) -> dict[int, int]:
    """Return partition -> offset from `0:17,1:4`; raises ValueError."""
    pairs = (part.split(":") for part in text.split(",") if part)
    return {int(partition): int(offset) for partition, offset in pairs}


def replay(windows: Mapping[str, BoundWindow], settings: Settings, reach: Reach) -> dict[str, str]:
    """Compute the windows over a bounded `reach`; return window -> job id.

    Blocks until the jobs, one after the other, have ended. All rows come out, also those that a stream would
    hold open at the end.

    Raises:
        SettingsError: no namespace is set; the live tables are not for a replay.
        StartRefusedError: the namespace's tables hold rows of an earlier replay, or bronze cannot stand in.
    """
    if not settings.namespace:
        raise SettingsError("a replay needs KAPSTAN_NAMESPACE: it must not write the live tables")
    from flink_jobs.windows.job import Session  # it starts Java

    session = Session(settings.flink_url)
    ended = {}
    for name, window in windows.items():
        prepared = session.prepare(plan(window, settings, reach))
        for table, summary in prepared.committed(settings.database).items():
            if summary is not None:
                raise StartRefusedError(
                    f"{settings.database}.{table} holds rows of an earlier replay: choose another namespace,"
                    " or drop that one"
                )
        ended[name] = prepared.submit()
    return ended
