"""Why the refiner puts a record aside, beyond what decoding finds (`streamkit.serde` names those reasons)."""

from streamkit.errors import DeadLetterError

EMPTY = "empty"
WRONG_KEY = "wrong_key"
FUTURE = "future"


class EmptyError(DeadLetterError):
    """The record has no value."""

    def __init__(self) -> None:
        super().__init__("The record has no value; a refined event needs one.", reason=EMPTY)


class WrongKeyError(DeadLetterError):
    """The record's key is not the text of its key field: its repeats lie in another partition."""

    def __init__(self, field: str, key: bytes | None, expected: str) -> None:
        got = "no key" if key is None else f"the key {key.decode('utf-8', 'replace')!r}"
        super().__init__(
            f"The record has {got} and its field {field} is {expected!r}.",
            reason=WRONG_KEY,
            field_path=f"/{field}",
        )


class FutureError(DeadLetterError):
    """The event happened long after it came in, by its own word."""

    def __init__(self, field: str, event_time_ms: int, ingest_ms: int) -> None:
        hours = (event_time_ms - ingest_ms) / 3_600_000
        super().__init__(
            f"The event's time is {hours:.1f} hours after it came in.", reason=FUTURE, field_path=f"/{field}"
        )
