"""Errors whose class says what to do: try again, put the record aside, or stop."""

# sysexits.h: a supervisor restarts after EX_TEMPFAIL and not after EX_CONFIG, which needs a person.
EXIT_RETRY = 75
EXIT_STOP = 78


class StreamkitError(Exception):
    """An error with its place in the log and, where one is known, the remedy."""

    exit_code = EXIT_RETRY

    def __init__(
        self,
        message: str,
        *,
        topic: str | None = None,
        partition: int | None = None,
        offset: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.hint = hint

    def __str__(self) -> str:
        where = ""
        if self.topic is not None:
            where = f" (at {self.topic}"
            where += "" if self.partition is None else f"/{self.partition}"
            where += "" if self.offset is None else f" offset {self.offset}"
            where += ")"
        remedy = f" {self.hint.rstrip('.')}." if self.hint else ""
        return f"{self.message.rstrip('.')}{where}.{remedy}"


class RetryableError(StreamkitError):
    """Something the service needs is away for now; the same work may succeed later."""


class FencedError(StreamkitError):
    """Another process has taken over this slot, or the outcome of a commit is unknown: end, start again."""


class DeadLetterError(StreamkitError):
    """The record itself is at fault; it belongs into the dead letters and the stream goes on."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        field_path: str | None = None,
        topic: str | None = None,
        partition: int | None = None,
        offset: int | None = None,
        hint: str | None = None,
        schema_id: int | None = None,
    ) -> None:
        super().__init__(message, topic=topic, partition=partition, offset=offset, hint=hint)
        self.reason = reason
        self.field_path = field_path
        self.schema_id = schema_id


class StopError(StreamkitError):
    """Going on would lose, double or falsify something; a person has to act first."""

    exit_code = EXIT_STOP
