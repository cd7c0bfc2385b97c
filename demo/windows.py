"""What the window jobs have read and have not, as Flink's JobManager and Kafka know it."""

from functools import cached_property

from demo.lag import behind
from demo.platform import Platform
from flink_jobs.windows.cluster import PREFIX, Cluster
from flink_jobs.windows.errors import ClusterAwayError
from flink_jobs.windows.load import load
from streamkit.records import TopicPartition


class WindowJobs:
    """The declared windows' jobs on one stack."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._cluster = Cluster(platform.stack.url("flink.rest"))

    def records_read(self) -> int | None:
        """Records that all running jobs have read since each was started; None when Flink does not answer."""
        try:
            return sum(self._cluster.records_read(job.id) for job in self._cluster.jobs().values())
        except ClusterAwayError:
            return None

    def lag(self) -> int:
        """Records (transaction markers included) behind the jobs' last checkpoints; all before the first.

        Raises RetryableError when Kafka is away.
        """
        admin, left = self._platform.broker.admin(), 0
        for name, topic in self._topics.items():
            partitions = [TopicPartition(topic, p) for p in range(admin.topics([topic])[topic].partitions)]
            ends = admin.end_offsets(partitions, committed_only=True)
            left += behind(admin, f"{PREFIX}{name}", partitions, ends)
        return left

    @cached_property
    def _topics(self) -> dict[str, str]:
        """The topic of each declared window."""
        return {name: each.declaration.topic for name, each in load(self._platform.schemas).items()}
