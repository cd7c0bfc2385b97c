from payments.simulator import HISTORY_DAYS
from training.protocol import DEMO


def test_the_days_follow_each_other_as_declared():
    assert (DEMO.train, DEMO.test) == (range(37, 44), range(51, 58))
    assert DEMO.days == range(58)
    assert DEMO.labelled_by(DEMO.train) == DEMO.test.start
    assert DEMO.labelled_by(DEMO.test) == HISTORY_DAYS
