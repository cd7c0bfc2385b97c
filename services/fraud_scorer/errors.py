"""Why the scorer puts a record aside, beyond what decoding finds (see `streamkit.serde`)."""

from streamkit.errors import DeadLetterError

EMPTY = "empty"
WRONG_KEY = "wrong_key"
OUT_OF_RANGE = "out_of_range"
INVALID_RULES = "invalid_rules"
INVALID_MODEL = "invalid_model"


class EmptyError(DeadLetterError):
    """The record has no value."""

    def __init__(self) -> None:
        super().__init__("The record has no value; an enriched transaction needs one.", reason=EMPTY)


class WrongKeyError(DeadLetterError):
    """The record's key is not its terminal: the terminal's other transactions lie in another partition."""

    def __init__(self, key: bytes | None, terminal_id: str) -> None:
        got = "no key" if key is None else f"the key {key.decode('utf-8', 'replace')!r}"
        super().__init__(
            f"The record has {got} and its terminal_id is {terminal_id!r}.",
            reason=WRONG_KEY,
            field_path="/terminal_id",
        )


class EventTimeError(DeadLetterError):
    """A time that no calendar holds."""

    def __init__(self, event_time_ms: int) -> None:
        super().__init__(
            f"The field event_time is {event_time_ms}, expected a time from 1970 to 9999.",
            reason=OUT_OF_RANGE,
            field_path="/event_time",
        )


class InvalidRulesError(DeadLetterError):
    """A published rule set that must not be used; the one before it stays in force."""

    def __init__(self, version: str, problem: str) -> None:
        super().__init__(
            f"Rule set {version} is refused, the one before it stays in force: {problem}",
            reason=INVALID_RULES,
            field_path="/rules",
            hint="Mend the rules and publish them with `kapstan rules apply`",
        )


class InvalidModelError(DeadLetterError):
    """A published model that must not be used; the one before it stays in force."""

    def __init__(self, model_hash: str, problem: str) -> None:
        super().__init__(
            f"Model {model_hash[:12]} is refused, the one before it stays in force: {problem}",
            reason=INVALID_MODEL,
            field_path="/payload",
            hint="Train one with this version of the code: `kapstan train --publish`",
        )
