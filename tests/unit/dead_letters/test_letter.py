from dataclasses import replace
from weakref import ref

import pytest

from dead_letters.letter import chosen, from_dead_letter, from_reject, newest_of
from tests.support.put_aside import DEAD, REJECT


@pytest.mark.parametrize(
    ("service", "reason", "refs"),
    [
        (None, None, ["d1", "g2"]),
        ("refiner", None, ["d1"]),
        (None, "invalid_record", ["g2"]),
        ("refiner", "invalid_record", []),
    ],
)
def test_letters_are_chosen_by_service_and_reason(service, reason, refs):
    letters = [from_dead_letter(1, DEAD), from_reject(2, REJECT)]
    assert [letter.ref for letter in chosen(letters, service, reason)] == refs


@pytest.mark.parametrize(
    ("times", "most", "kept"),
    [
        ([], 2, []),
        ([3, 1], 5, ["d1", "d0"]),
        ([5, 1, 4, 2, 3], 2, ["d2", "d0"]),
        ([7, 7, 7, 7], 2, ["d2", "d3"]),
    ],
)
def test_the_newest_are_kept_the_oldest_of_them_first(times, most, kept):
    letters = [from_dead_letter(number, {**DEAD, "event_time": at}) for number, at in enumerate(times)]
    newest, count = newest_of(letters, most)
    assert ([letter.ref for letter in newest], count) == (kept, len(times))


def test_no_more_letters_are_held_than_are_wanted():
    made, most_alive = [], 0

    def letters():
        nonlocal most_alive
        for number in range(100):
            letter = replace(from_dead_letter(number, DEAD), at_ms=number)
            made.append(ref(letter))
            most_alive = max(most_alive, sum(one() is not None for one in made))
            yield letter

    assert len(newest_of(letters(), 5)[0]) == 5
    assert most_alive <= 8
