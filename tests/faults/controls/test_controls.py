"""Each known way is seen to fail in this harness, and ours is exact in the same run."""

import os

import pytest

from tests.faults.controls.__main__ import DEFAULT_PORT_BASE
from tests.faults.controls.control import table
from tests.faults.controls.controls import CONTROLS
from tests.support.parts import parts as run_parts

pytestmark = [pytest.mark.controls, pytest.mark.timeout(1800)]
PORT_BASE = int(os.environ.get("KAPSTAN_TEST_PORT_BASE", DEFAULT_PORT_BASE))


@pytest.fixture(scope="module")
def parts():
    with run_parts(PORT_BASE) as running:
        yield running


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_known_way_is_seen_to_fail_beside_ours(control, parts, tmp_path, record_property):
    outcome = control.run(parts.need(*control.parts), tmp_path, f"{control.name.replace('_', '-')}-test")
    record_property("outcome", outcome.to_json())
    assert outcome.seen, table([outcome])
