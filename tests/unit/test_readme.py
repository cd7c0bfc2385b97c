"""The addresses in the README are those of a stack with the default ports."""

import re

import pytest

from local.components import components
from local.places import repository
from local.ports import DEFAULT_BASE
from local.stack import Stack

README = (repository() / "README.md").read_text(encoding="utf-8")
ADDRESSES = re.findall(r"http://127\.0\.0\.1:\d+", README)


def test_there_are_addresses():
    assert len(ADDRESSES) >= 4


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_a_part_of_the_default_stack(address, tmp_path):
    stack = Stack(tmp_path, DEFAULT_BASE)
    shown = [url for part in components().values() for url in part.addresses(stack).values()]
    assert any(url.startswith(address) for url in shown)
