"""Settings of the gateway, read from KAPSTAN_* variables; see README.md for the table."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from streamkit.config import ServiceSettings, refuse


class GatewaySettings(ServiceSettings):
    """What the gateway needs to know; the HTTP port serves producers, probes and metrics alike."""

    grpc_port: int = Field(ge=0, le=65535, description="Port of the gRPC server; 0 takes a free one.")
    api_keys_file: Path = Field(description="JSON file with hashed API keys; README.md has the format.")

    max_body_bytes: int = Field(
        default=5 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024, description="Largest request body."
    )
    max_batch_records: int = Field(default=10_000, ge=1, le=100_000, description="Most records in a request.")
    max_record_bytes: int = Field(
        default=900_000,
        ge=1_000,
        # Producers behind the gateway may write twice this: a transform adds fields and headers to a record.
        le=1_000_000,
        description="Largest record as Avro, with its key and headers; far below Kafka's limit.",
    )
    max_inflight_bytes: int = Field(
        default=96 * 1024 * 1024, ge=1024 * 1024, description="Requests being read or waiting for Kafka."
    )

    max_grpc_calls: int = Field(
        default=64, ge=1, le=10_000, description="gRPC calls at once, a stream being one, over all clients."
    )

    request_deadline_s: float = Field(
        default=5.0, ge=1.0, le=120.0, description="A request that was read whole is answered within it."
    )
    delivery_timeout_s: float = Field(
        default=4.0, ge=0.1, le=119.0, description="How long Kafka may take to acknowledge a record."
    )
    body_timeout_s: float = Field(
        default=10.0, ge=0.1, le=120.0, description="How long a client may take to send a body."
    )
    stall_s: float = Field(
        default=2.0, ge=0.1, le=60.0, description="Silence of Kafka after which requests are refused at once."
    )
    linger_ms: float = Field(
        default=1.0, ge=0.0, le=100.0, description="How long records gather into a batch for Kafka."
    )

    max_event_future_s: int = Field(
        default=3600, ge=0, description="How far ahead of the clock an event time may be."
    )
    max_event_age_days: int = Field(
        default=3650, ge=1, le=700_000, description="How far back an event time may be."
    )

    @model_validator(mode="after")
    def _answers_in_time(self) -> Self:
        # The producer gives a batch up within a second of its timeout; the answer has to follow that.
        if self.delivery_timeout_s + 1 > self.request_deadline_s:
            raise refuse(
                "delivery_timeout_s",
                self.delivery_timeout_s,
                f"at most {self.request_deadline_s - 1:g}: a second below KAPSTAN_REQUEST_DEADLINE_S",
            )
        if self.max_body_bytes > self.max_inflight_bytes:
            raise refuse(
                "max_body_bytes",
                self.max_body_bytes,
                f"at most {self.max_inflight_bytes}, which is KAPSTAN_MAX_INFLIGHT_BYTES",
            )
        return self
