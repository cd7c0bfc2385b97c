"""What the broker refuses before it makes a client."""

import pytest

from streamkit.errors import StopError
from streamkit.kafka.broker import KafkaBroker


def test_a_secured_cluster_is_refused_by_transactions_rather_than_spoken_to_in_the_clear():
    with pytest.raises(StopError, match="SASL_SSL are not supported"):
        KafkaBroker("127.0.0.1:1", {"security.protocol": "SASL_SSL"}).transactional_producer("t")
