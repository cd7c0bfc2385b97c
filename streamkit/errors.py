"""What can go wrong, by what to do about it: the base class says retry, dead-letter or stop."""


class StreamkitError(Exception):
    """Base of all errors raised on purpose; its text says what happened, where, and what to do next."""

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
        place = ""
        if self.topic is not None:
            place = f" ({self.topic}"
            place += f"/{self.partition}" if self.partition is not None else ""
            place += f" at offset {self.offset}" if self.offset is not None else ""
            place += ")"
        return f"{self.message}{place}" + (f" {self.hint}" if self.hint else "")


class RetryableError(StreamkitError):
    """The same call may succeed later: a part is away or busy."""


class StopError(StreamkitError):
    """Neither a retry nor skipping the record helps; the process must end and a person look."""


class DeadLetterError(StreamkitError):
    """This record can never be processed; keep it as a dead letter and go on."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        field_path: str | None = None,
        schema_id: int | None = None,
        topic: str | None = None,
        partition: int | None = None,
        offset: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, topic=topic, partition=partition, offset=offset, hint=hint)
        self.reason = reason
        self.field_path = field_path
        self.schema_id = schema_id
