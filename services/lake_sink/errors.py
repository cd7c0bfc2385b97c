"""Errors of lake_sink; the base class says what the loop does."""

from streamkit.errors import RetryableError, StopError


class LakeAwayError(RetryableError):
    """The catalog or the object store does not answer: drop what is not committed and go on later."""


class NoTableError(RetryableError):
    """A topic has no table yet and another writer is to make it: go on when it is there."""


class StaleBatchError(RetryableError):
    """Another writer has moved the table on: drop the batch and go on from the table's positions."""


class LakeRefusedError(StopError):
    """The catalog refuses a request in a way that no retry mends."""
