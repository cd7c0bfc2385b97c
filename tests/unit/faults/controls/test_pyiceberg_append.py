from tests.faults.controls.judge import Tally, judge_effects
from tests.faults.controls.pyiceberg_append import ROWS, WRITERS, fill, race


class Table:
    def __init__(self):
        self.rows, self.position = [], 0


class Careless:
    """Puts in what it was told, wherever the table stands by then."""

    def __init__(self, table):
        self.table = table

    def stands(self):
        return self.table.position

    def put(self, start, end):
        self.table.rows += range(start, end)
        self.table.position = end


class Careful(Careless):
    def put(self, start, end):
        if self.table.position == start:
            super().put(start, end)


def test_all_writers_have_read_where_the_table_stands_before_one_of_them_writes():
    table = Table()
    race([Careless(table) for _ in range(WRITERS)])
    assert judge_effects(range(ROWS), table.rows) == Tally(ROWS, lost=0, doubled=ROWS * (WRITERS - 1))


def test_the_race_costs_no_row_of_a_writer_that_looks_again():
    table = Table()
    race([Careful(table)])
    assert judge_effects(range(ROWS), table.rows).exact


def test_a_batch_that_did_not_come_through_is_written_again():
    table, answers = Table(), [False, True]

    class Refused(Careful):
        def put(self, start, end):
            if answers.pop(0):
                super().put(start, end)

    fill(Refused(table), 0, 10)
    assert table.rows == list(range(10))
