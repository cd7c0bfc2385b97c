import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from services.ingest_gateway.authorize import KeyRing
from services.ingest_gateway.errors import NO_KEY, NOT_GRANTED, WRONG_KEY, BadKeysFileError, RefusedError

DIGEST = hashlib.sha256(b"secret").hexdigest()


def ring(**entry: Any) -> KeyRing:
    return KeyRing.parse(json.dumps({"keys": [{"name": "shop", "sha256": DIGEST, **entry}]}))


def test_a_key_is_found_by_its_hash() -> None:
    grant = ring(tenant="acme").grant_of(b"secret")
    assert (grant.name, grant.tenant, grant.topics) == ("shop", "acme", ("*",))


@pytest.mark.parametrize(
    ("sent", "kind"), [(None, NO_KEY), (b"", NO_KEY), (b"Secret", WRONG_KEY), (DIGEST.encode(), WRONG_KEY)]
)
def test_without_the_right_key_nobody_gets_in(sent: bytes | None, kind: Any) -> None:
    with pytest.raises(RefusedError) as refused:
        ring().grant_of(sent)
    assert refused.value.kind is kind


def test_a_grant_holds_for_matching_topics_only() -> None:
    grant = ring(topics=["web.*", "shop.orders.v?"]).grant_of(b"secret")
    assert grant.allows("web.clicks.v1")
    assert grant.allows("shop.orders.v1")
    assert not grant.allows("payments.transactions.v1")
    with pytest.raises(RefusedError, match="may not write payments") as refused:
        grant.demand("payments.transactions.v1")
    assert refused.value.kind is NOT_GRANTED


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("[]", "its top"),
        ('{"keys": [{"name": "x"}]}', r"keys\.0\.sha256"),
        ('{"keys": [{"name": "x", "sha256": "abc"}]}', r"keys\.0\.sha256"),
        (json.dumps({"keys": [{"name": "x", "sha256": DIGEST, "key": "secret"}]}), r"keys\.0\.key"),
        (
            json.dumps({"keys": [{"name": "x", "sha256": DIGEST}, {"name": "y", "sha256": DIGEST}]}),
            "same sha256",
        ),
    ],
)
def test_a_wrong_file_is_refused_without_telling_what_is_in_it(text: str, says: str) -> None:
    with pytest.raises(BadKeysFileError, match=says) as error:
        KeyRing.parse(text)
    assert DIGEST not in str(error.value)
    assert "secret" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadKeysFileError, match=r"absent\.json"):
        KeyRing.load(tmp_path / "absent.json")
