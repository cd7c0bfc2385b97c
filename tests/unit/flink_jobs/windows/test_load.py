import shutil

import pytest
import yaml

from flink_jobs.windows.errors import DeclarationError
from flink_jobs.windows.load import load
from tests.support.catalogues import SCHEMAS


@pytest.fixture
def schemas(tmp_path):
    for name in ("topics", "avro", "windows"):
        shutil.copytree(SCHEMAS / name, tmp_path / name)
    return tmp_path


def change(schemas, old, new, name="fraud_rate"):
    path = schemas / "windows" / f"{name}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_projects_own_windows_fit_their_topics():
    windows = load(SCHEMAS)
    assert set(windows) == {"click_sessions", "fraud_rate", "merchant_category_per_minute"}
    assert all(window.keys[0].name == "tenant" for window in windows.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "window: fraud_rate",
            "window: other",
            "fraud_rate.yaml:1: window: got 'other', expected the file's name",
        ),
        ("payments.decisions.v1", "payments.v1", "fraud_rate.yaml:4: topic: there is no topic 'payments.v1'"),
        ("payments.decisions.v1", "payments.transactions.v1", "payments.transactions.v1 is raw"),
        ("outcome: DECLINE", "outcome: DENY", "aggregates.declines.where.outcome: got 'DENY'"),
        ("owner: payments", "colour: red", "colour: is no field of a window declaration"),
        ("owner: payments", "colour: red", "owner: is missing"),
        ("lateness: 5m", "lateness: soon", "lateness: got 'soon', expected a number and a unit"),
        ("keys: [category]", "keys: 5", "keys: got 5: Input should be a valid tuple"),
        ("lateness: 5m", "owner: x", "owner stands here a second time"),
    ],
)
def test_a_problem_names_file_line_and_field(schemas, old, new, message):
    change(schemas, old, new)
    with pytest.raises(DeclarationError) as caught:
        load(schemas)
    assert message in str(caught.value)


def test_all_problems_of_all_files_are_listed(schemas):
    change(schemas, "keys: [category]", "keys: [colour, tags]")
    change(schemas, "gap: 30m", "gap: 30", "click_sessions")
    with pytest.raises(DeclarationError) as caught:
        load(schemas)
    assert str(caught.value).count("\n") == 3


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("topics/payments.decisions.v1.yaml", "topic: payments.decisions.v1"),
        ("topics/payments.decisions.v1.yaml", "topic: ["),
        ("avro/{schema}", "{"),
        ("avro/{schema}", None),
    ],
)
def test_a_topics_own_files_that_are_wrong_are_a_windows_problem(schemas, file, text):
    topic = yaml.safe_load((schemas / "topics" / "payments.decisions.v1.yaml").read_text())
    path = schemas / file.format(schema=topic["schema_file"])
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(
        DeclarationError, match=r"fraud_rate.yaml:4: topic: the topic's own files cannot be used"
    ):
        load(schemas)
