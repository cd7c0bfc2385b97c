"""What a producer is told: one status for the request and one result for each record. Pure."""

from collections.abc import Sequence
from typing import Final

import orjson

from services.ingest_gateway.availability import RETRY_AFTER_S
from services.ingest_gateway.errors import FieldError, RefusedError
from services.ingest_gateway.publish import Rejected, Result
from streamkit.kafka.async_producer import Undelivered

OK: Final = 200
MIXED: Final = 207
ALL_REJECTED: Final = 422
UNAVAILABLE: Final = 503

_CODES: Final = {OK: "ok", MIXED: "mixed", ALL_REJECTED: "all_rejected", UNAVAILABLE: "kafka_away"}


def status_of(results: Sequence[Result]) -> int:
    """Return the HTTP status: 200 all landed, 207 some did, 422 none did, 503 none did and one may later."""
    landed = retryable = False
    whole = True
    for result in results:
        if result.__class__ is tuple:
            landed = True
        else:
            whole = False
            retryable = retryable or (isinstance(result, Undelivered) and result.retryable)
    if whole:
        return OK
    if landed:
        return MIXED
    return UNAVAILABLE if retryable else ALL_REJECTED


def code_of(status: int) -> str:
    """Return the stable code of an answer with results."""
    return _CODES[status]


def retry_after(results: Sequence[Result]) -> int | None:
    """Return after how many seconds to send failed records again, None when that would not help."""
    again = any(isinstance(result, Undelivered) and result.retryable for result in results)
    return RETRY_AFTER_S if again else None


def results_body(results: Sequence[Result]) -> bytes:
    """Return the JSON answer: `{"results": [...]}` with one entry for each record, in order."""
    return orjson.dumps({"results": [entry(index, result) for index, result in enumerate(results)]})


def entry(index: int, result: Result) -> dict[str, object]:
    """Return the JSON of one record's result."""
    if isinstance(result, Rejected):
        rejected: dict[str, object] = {"index": index, "errors": errors_of(result.errors)}
        return rejected if result.reject_id is None else {**rejected, "reject_id": result.reject_id}
    if isinstance(result, Undelivered):
        error = FieldError("", "an acknowledgement by Kafka", f"{result.code}: {result.text}")
        return {"index": index, "errors": errors_of([error]), "retryable": result.retryable}
    return {"index": index, "partition": result[0], "offset": result[1]}


def errors_of(errors: Sequence[FieldError]) -> list[dict[str, str]]:
    """Return pointed errors as JSON."""
    return [error._asdict() for error in errors]


def problem_body(refused: RefusedError) -> bytes:
    """Return a refusal as problem details (RFC 9457) with our members code, hint and errors."""
    problem: dict[str, object] = {
        "title": refused.kind.code.replace("_", " "),
        "status": refused.kind.http,
        "detail": refused.message,
        "code": refused.kind.code,
    }
    if refused.hint is not None:
        problem["hint"] = refused.hint
    if refused.errors:
        problem["errors"] = errors_of(refused.errors)
    if refused.reject_id is not None:
        problem["reject_id"] = refused.reject_id
    return orjson.dumps(problem)
