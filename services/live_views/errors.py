"""What can go wrong in live_views, by what to do about it."""

from streamkit.errors import RetryableError, StopError


class IsolationError(StopError):
    """The consumer cannot be told to skip aborted records; views must not run without that."""


class ChangelogError(RetryableError):
    """A row could not be written to its changelog; restart from the last position that was."""
