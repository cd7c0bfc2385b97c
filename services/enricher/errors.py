"""Why the enricher puts a record aside, beyond what decoding finds (see `streamkit.serde`)."""

from streamkit.errors import DeadLetterError

EMPTY = "empty"
WRONG_KEY = "wrong_key"
FUTURE = "future"
OUT_OF_RANGE = "out_of_range"
NO_ROW_KEY = "no_row_key"


class EmptyError(DeadLetterError):
    """The record has no value."""

    def __init__(self) -> None:
        super().__init__("The record has no value; a transaction needs one.", reason=EMPTY)


class WrongKeyError(DeadLetterError):
    """The record's key is not its customer: the customer's other transactions lie in another partition."""

    def __init__(self, key: bytes | None, customer_id: str) -> None:
        got = "no key" if key is None else f"the key {key.decode('utf-8', 'replace')!r}"
        super().__init__(
            f"The record has {got} and its customer_id is {customer_id!r}.",
            reason=WRONG_KEY,
            field_path="/customer_id",
        )


class FutureError(DeadLetterError):
    """The card was used long after the transaction came in, by its own word."""

    def __init__(self, event_time_ms: int, ingest_ms: int) -> None:
        hours = (event_time_ms - ingest_ms) / 3_600_000
        super().__init__(
            f"The transaction's time is {hours:.1f} hours after it came in.",
            reason=FUTURE,
            field_path="/event_time",
        )


class OutOfRangeError(DeadLetterError):
    """A number that no window or no calendar can hold."""

    def __init__(self, field: str, value: int, expected: str) -> None:
        super().__init__(
            f"The field {field} is {value}, expected {expected}.", reason=OUT_OF_RANGE, field_path=f"/{field}"
        )


class NoRowKeyError(DeadLetterError):
    """A change of a table that does not say which row it is of."""

    def __init__(self, table: str, field: str) -> None:
        super().__init__(
            f"The change of {table} has no {field}, neither before nor after.",
            reason=NO_ROW_KEY,
            field_path=f"/after/{field}",
        )
