import pytest

from audit.plan import DEAD_LETTERS, DECISIONS, ENRICHED, TRANSACTIONS, Chain, Hop, plan_of
from streamkit.catalogue import Catalogue, UnknownTopicError


@pytest.fixture(scope="module")
def catalogue(pytestconfig):
    return Catalogue.load(pytestconfig.rootpath / "schemas")


def test_every_topic_that_bronze_keeps_is_compared(catalogue):
    assert set(plan_of(catalogue).topics) == {name for name, t in catalogue.items() if t.spec.bronze}


def test_a_topic_is_read_after_those_it_is_made_from_and_dead_letters_last(catalogue):
    topics = plan_of(catalogue).topics
    assert topics.index(TRANSACTIONS) < topics.index(ENRICHED) < topics.index(DECISIONS)
    assert topics.index("web.clicks.v1") < topics.index("web.clicks.refined.v1")
    assert topics[-1] == DEAD_LETTERS


def test_each_event_family_has_its_chain(catalogue):
    assert set(plan_of(catalogue).chains) == {
        Chain(TRANSACTIONS, DECISIONS),
        Chain("web.clicks.v1", "web.clicks.refined.v1"),
    }


@pytest.mark.parametrize("topic", [TRANSACTIONS, DECISIONS])
def test_one_topic_of_a_chain_needs_the_whole_chain(catalogue, topic):
    plan = plan_of(catalogue, topic)
    assert set(plan.topics) == {TRANSACTIONS, ENRICHED, DECISIONS, DEAD_LETTERS}
    assert plan.hops == (Hop("enricher", TRANSACTIONS), Hop("fraud_scorer", ENRICHED))


def test_a_topic_of_no_chain_stands_alone(catalogue):
    plan = plan_of(catalogue, "payments.fraud-reports.v1")
    assert plan.topics == ("payments.fraud-reports.v1",)
    assert (plan.hops, plan.chains) == ((), ())


def test_an_unknown_topic_is_an_error(catalogue):
    with pytest.raises(UnknownTopicError, match=r"no\.such"):
        plan_of(catalogue, "no.such")
