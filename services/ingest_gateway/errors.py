"""What can go wrong at the door, each with its machine-readable code."""

from dataclasses import dataclass

from streamkit.errors import StopError, StreamkitError


class BadSchemaError(StreamkitError):
    """A topic's schema is not one that records can be encoded with; other topics go on."""


class BadKeysFileError(StopError):
    """The file with API keys cannot be read; nobody could be let in."""


class MisfitError(ValueError):
    """A value does not fit its type; `rule` says what of the type it breaks, if more is known."""

    def __init__(self, rule: str = "") -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of a record: where (JSON pointer, RFC 6901), what the schema asks for, what was sent."""

    pointer: str
    expected: str
    got: str

    def to_json(self) -> dict[str, str]:
        """Return the error as it is answered and kept."""
        return {"pointer": self.pointer, "expected": self.expected, "got": self.got}
