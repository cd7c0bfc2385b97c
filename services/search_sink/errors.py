"""Errors of search_sink; the base class says what the loop does."""

from streamkit.errors import RetryableError, StopError


class SearchAwayError(RetryableError):
    """OpenSearch does not answer or has no room: the loop waits and reads on from the group's offsets."""


class SearchRefusedError(StopError):
    """OpenSearch refuses what no retry mends, such as the credentials or an index template."""
