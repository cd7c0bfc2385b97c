from contextlib import closing

import httpx
import orjson
import pytest

from dead_letters.letter import from_reject
from dead_letters.repair import Repair
from dead_letters.resend import SAFE_MS, Gateway, event_of, resend
from streamkit.catalogue import Catalogue
from streamkit.errors import RetryableError, StopError
from streamkit.redriver import Redriver
from streamkit.redrives import REDRIVES
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from tests.support.catalogues import SCHEMAS
from tests.support.put_aside import REJECT

TOPIC = Catalogue.load(SCHEMAS)["web.clicks.v1"]
LETTER = from_reject(0, REJECT | {"topic": "web.clicks.v1", "payload": b'{"page": 5}'})
MENDED = Repair(edit={"page": "home"})


class World:
    """A gateway that answers what the test says, and the markers of a redriver over a broker in memory."""

    def __init__(self, *answers):
        self.answers, self.got = list(answers), []
        self.broker, self.clock = MemoryBroker(), ManualClock()
        self.broker.create_topic(REDRIVES, 1)

    def answer(self, request):
        self.got.append((request.url.path, orjson.loads(request.content)))
        status, body = self.answers.pop(0)
        if status is None:
            raise httpx.ReadTimeout("silent")
        return httpx.Response(status, json=body)

    def resend(self, repair=MENDED):
        redriver = Redriver(self.broker, self.clock, orjson.dumps, orjson.loads)
        client = httpx.Client(transport=httpx.MockTransport(self.answer), base_url="http://gateway")
        with closing(redriver):
            redriver.open()
            return resend(LETTER, repair, TOPIC, redriver, Gateway(client), self.clock)

    @property
    def states(self):
        return [orjson.loads(record.value)["state"] for record in self.broker.records(REDRIVES)]


OK = (200, {"results": [{"index": 0}]})


def test_a_mended_event_goes_through_the_gateway_with_its_tenant_and_an_id_of_its_own():
    world = World(OK)
    assert world.resend() == "went through the gateway as event r1"
    event = {"page": "home", TOPIC.spec.event_id: "r1", "tenant": "acme"}
    assert world.got == [("/v1/topics/web.clicks.v1/events", event)]
    assert world.states == ["CLAIMED", "SENT"]


def test_an_event_that_has_an_id_keeps_it():
    repair = Repair(edit={TOPIC.spec.event_id: "mine"})
    assert event_of(LETTER, repair, TOPIC)[TOPIC.spec.event_id] == "mine"


def test_an_event_stays_with_its_tenant():
    with pytest.raises(StopError, match="has to stay with it"):
        event_of(LETTER, Repair(edit={"tenant": "other"}), TOPIC)


@pytest.mark.parametrize("away", [(None, None), (503, {"detail": "kafka_away"}), (500, {})])
def test_after_an_answer_that_was_lost_it_goes_again_under_the_same_id(away):
    world = World(away, OK)
    with pytest.raises(RetryableError, match="Run the same command again"):
        world.resend()
    world.clock.sleep(SAFE_MS / 1000 - 1)
    world.resend()
    assert world.got[0] == world.got[1]
    assert world.states == ["CLAIMED", "SENT"]


def test_what_may_have_been_written_goes_under_no_other_id_and_not_after_a_day():
    world = World((None, None))
    with pytest.raises(RetryableError):
        world.resend()
    with pytest.raises(StopError, match="may have been written already as event r1"):
        world.resend(Repair(edit={TOPIC.spec.event_id: "another"}))
    world.clock.sleep(SAFE_MS / 1000)
    with pytest.raises(StopError, match="a day ago"):
        world.resend()
    assert len(world.got) == 1


def test_what_the_gateway_refuses_again_can_be_mended_once_more():
    errors = [{"pointer": "/page", "expected": "string", "got": "5"}]
    world = World((422, {"results": [{"index": 0, "errors": errors}]}), OK)
    with pytest.raises(StopError, match="/page: expected string, got 5"):
        world.resend(Repair())
    assert world.resend()
    assert world.states == ["CLAIMED", "REFUSED", "CLAIMED", "SENT"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_no_reason_to_try_again(status):
    with pytest.raises(StopError, match="Set KAPSTAN_API_KEY"):
        World((status, {})).resend()
