"""What rules may ask about, for known and unknown parties."""

from payments.features import FEATURE_NAMES
from payments.rules import VARIABLES
from services.fraud_scorer.rule_values import rule_values

DAY_MS = 86_400_000
FEATURES = dict.fromkeys(FEATURE_NAMES, 1.0)
KNOWN = {
    "currency": "EUR",
    "entry_mode": "CHIP",
    "event_time": 20_000 * DAY_MS + 5,
    "customer": {"segment": "retail"},
    "card": {"status": "blocked", "expires_on": 20_000},
    "terminal": {"merchant_name": "Harbour Books", "category": "books", "country": "FR"},
}
UNKNOWN = {**KNOWN, "customer": None, "card": None, "terminal": None}


def test_every_declared_variable_has_a_value_of_a_known_party():
    found = rule_values(VARIABLES, KNOWN, FEATURES, 0.7)
    assert set(found) == set(VARIABLES)
    assert found["score"] == 0.7
    assert (found["segment"], found["card_status"], found["country"]) == ("retail", "blocked", "FR")
    assert found["customer_known"] is found["card_known"] is found["terminal_known"] is True
    assert found["amount_minor"] == 1.0


def test_texts_of_unknown_parties_are_empty():
    found = rule_values(VARIABLES, UNKNOWN, FEATURES, None)
    assert found["score"] == 0.0
    assert {found[name] for name in ("segment", "card_status", "merchant_name", "category", "country")} == {
        ""
    }
    assert found["card_expired"] is found["card_known"] is False


def test_a_card_is_good_through_its_last_day():
    def expired(time_ms, expires_on):
        row = {**KNOWN, "event_time": time_ms, "card": {"status": "active", "expires_on": expires_on}}
        return rule_values(["card_expired"], row, FEATURES, None)["card_expired"]

    assert not expired(20_001 * DAY_MS - 1, 20_000)
    assert expired(20_001 * DAY_MS, 20_000)
    assert not expired(20_001 * DAY_MS, None)
