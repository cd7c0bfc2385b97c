import pytest

from streamkit.config import ConfigError
from tests.unit.services.ingest_gateway.world import settings


def test_the_defaults_fit_each_other() -> None:
    chosen = settings()
    assert chosen.http_host == "127.0.0.1"
    assert chosen.delivery_timeout_s + 1 <= chosen.request_deadline_s


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"delivery_timeout_s": 4.5}, "KAPSTAN_DELIVERY_TIMEOUT_S"),
        ({"max_inflight_bytes": 1024 * 1024}, "KAPSTAN_MAX_BODY_BYTES"),
        ({"max_batch_records": 0}, "KAPSTAN_MAX_BATCH_RECORDS"),
        ({"max_record_bytes": 1_000_001}, "KAPSTAN_MAX_RECORD_BYTES"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    changes: dict[str, float], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.ingest_gateway.config import GatewaySettings

    known = settings().model_dump() | changes
    with pytest.raises(ConfigError, match=variable):
        GatewaySettings.load(**known)
