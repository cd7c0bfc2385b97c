"""Replays that are prepared over the stage of a test, which it calls `stage`."""

import pytest

from local.stack import Stack
from replay.perform import Request, kept
from streamkit.topics_apply import Platform
from tests.support.catalogues import SCHEMAS


@pytest.fixture
def asking(stage, tmp_path):
    """What gives a way to prepare replays the stage; `kept` of the result are those that were made."""
    stack = Stack(tmp_path, 40000)
    platform = Platform(stage.broker, stage.broker.admin(), stage.registry, stage.clock)

    def by(prepare):
        def ask(what, **options):
            return prepare(stack, platform, Request(what, **options), SCHEMAS)

        ask.kept = kept(stack)
        return ask

    return by
