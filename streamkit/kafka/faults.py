"""What a Kafka error means for the loop: try again, abort, end the process, or call a person."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException
from kio.schema.errors import ErrorCode
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from streamkit.broker import AbortableError, AwayError, TooLargeError
from streamkit.errors import FencedError, RetryableError, StopError, StreamkitError
from streamkit.kafka.settings import COORDINATOR_TIMEOUT_S
from streamkit.records import MAX_RECORD_BYTES

_OLD_EPOCH = {ErrorCode.invalid_producer_epoch, ErrorCode.producer_fenced}
_FENCED = {KafkaError._FENCED, KafkaError.FENCED_INSTANCE_ID, *_OLD_EPOCH}
_REFUSED = {
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
# A group or a transactional id has a coordinator that is not in office yet, or not any more.
COORDINATOR_MOVES = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
_AWAY = COORDINATOR_MOVES | {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._WAIT_COORD,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.BROKER_NOT_AVAILABLE,
}
_OUT_OF_RANGE = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}
_STOPS: dict[int, type[StopError]] = {
    **dict.fromkeys(_REFUSED | _OUT_OF_RANGE, StopError),
    KafkaError.MSG_SIZE_TOO_LARGE: TooLargeError,
}
# The transaction can be aborted, and its work done again by whoever has the place now.
_LOST_PLACE = {
    ErrorCode.illegal_generation,
    ErrorCode.unknown_member_id,
    ErrorCode.rebalance_in_progress,
    ErrorCode.stale_member_epoch,
    ErrorCode.transaction_abortable,
}

_REMEDIES = {
    **dict.fromkeys(_REFUSED, "Check the client's credentials and its ACLs"),
    **dict.fromkeys(
        _OUT_OF_RANGE,
        "The records at this position are gone: retention passed them, or the topic was deleted and created "
        "again. Replay from the lake with `kapstan replay` into a new namespace",
    ),
    **dict.fromkeys(
        _FENCED,
        "It ends now and goes on from what was committed; each instance needs a KAPSTAN_SLOT of its own",
    ),
    KafkaError.MSG_SIZE_TOO_LARGE: f"A record may have {MAX_RECORD_BYTES:,} bytes with its key and "
    "headers; the broker's message.max.bytes and the topic's max.message.bytes must be above that",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "Create missing topics with `kapstan topics apply`",
}


def meaning(error: KafkaError, doing: str) -> StreamkitError:
    """Return the error to raise for `error`, met while `doing` (a phrase such as "committing")."""
    code, text = error.code(), f"Kafka failed while {doing}: {error.str()} ({error.name()})"
    hint = _REMEDIES.get(code)
    if code in _FENCED:
        return FencedError(
            f"another process has taken over this slot (while {doing}: {error.str()})", hint=hint
        )
    if code in _STOPS:
        return _STOPS[code](text, hint=hint)
    if error.fatal() or code == KafkaError._FATAL:
        return FencedError(text, hint="The client cannot go on; this process ends and is started again")
    if code in _AWAY:
        return AwayError(text, hint=hint)
    return RetryableError(text, hint=hint)


# Asked again, these are answered so for ever.
_SENSELESS = {
    ErrorCode.invalid_record,
    ErrorCode.invalid_request,
    ErrorCode.invalid_timestamp,
    ErrorCode.invalid_topic_exception,
    ErrorCode.invalid_transaction_timeout,
    ErrorCode.policy_violation,
    ErrorCode.record_list_too_large,
    ErrorCode.unsupported_version,
}


class PassingError(RetryableError):
    """What the broker will answer differently in a moment: it is loading, or not the one any more."""


class OldEpochError(FencedError):
    """Another process has taken over, or the broker has ended a transaction that took too long."""


def check(code: ErrorCode, doing: str) -> None:
    """Raise what an answer's error code means, met while `doing`; nothing when there was none."""
    if code is ErrorCode.none:
        return
    # A broker's codes are the same numbers in the client's errors.
    found = meaning(KafkaError(int(code)), doing)
    if code in _LOST_PLACE:
        raise AbortableError(found.message, hint=found.hint)
    if code in _OLD_EPOCH:
        raise OldEpochError(found.message, hint=found.hint)
    if code in _SENSELESS:
        raise StopError(
            found.message, hint="Kafka would refuse it again: mend the record or the topic's settings"
        )
    if isinstance(found, FencedError | StopError):
        raise found
    if code.retriable:
        raise PassingError(found.message, hint=found.hint)
    raise AwayError(found.message, hint=found.hint)


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn a KafkaException raised in the block into what it means."""
    try:
        yield
    except KafkaException as exception:
        raise meaning(exception.args[0], doing) from exception


class Refusals:
    """Keeps what librdkafka only reports to `error_cb`: bad credentials look like a timeout otherwise."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._refused: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Take an error from librdkafka's own thread of events."""
        self._report(f"Kafka client: {error.str()} ({error.name()})")
        if error.code() in _REFUSED:
            self._refused = error

    def check(self) -> None:
        """Raise StopError when the broker has refused this client."""
        if self._refused is not None:
            raise meaning(self._refused, "connecting")


def coordinated() -> Retrying:
    """Return what calls again while a coordinator does not know of a group yet; raises the last error."""
    return Retrying(
        retry=retry_if_exception(_coordinator_moves),
        stop=stop_after_delay(COORDINATOR_TIMEOUT_S),
        wait=wait_exponential(0.02, max=0.3),
        reraise=True,
    )


def _coordinator_moves(error: BaseException) -> bool:
    """Tell whether a coordinator does not know of the group yet, as at the first use of a cluster."""
    return isinstance(error, KafkaException) and error.args[0].code() in COORDINATOR_MOVES
