import json
from contextlib import contextmanager

import pytest
import typer
from typer.testing import CliRunner

import training.train as trainer
from cli import connection, train
from payments.decision import Thresholds
from payments.model import Payload, Tree
from services.fraud_scorer.sides import models_input
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.read import read_to_end
from streamkit.side import SideView
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from streamkit.topics import plan
from streamkit.topics_apply import Platform, apply, observe
from tests.support.catalogues import SCHEMAS
from training.trained import TrainedModel

LEAF = Tree(feature=[-1], threshold=[0.0], left=[0], right=[0], value=[0.5])
PAYLOAD = Payload(
    feature_names=["amount_minor"], baseline=0.0, thresholds=Thresholds(0.3, 0.8), trees=[LEAF]
).canonical()


@pytest.fixture
def folders(monkeypatch):
    """Training that takes no time; the folders it was given."""
    asked = []

    def trained(cache, *, progress):
        asked.append(cache)
        progress("Training")
        return TrainedModel(PAYLOAD, {"auc_roc": 0.9, "average_precision": 0.7})

    monkeypatch.setattr(trainer, "train", trained)
    return asked


@pytest.fixture
def platform(monkeypatch):
    broker = MemoryBroker()
    made = Platform(broker, broker.admin(), MemoryRegistry().client(), ManualClock())
    declared = Catalogue.load(SCHEMAS)
    apply(made, declared, plan(declared, observe(made, declared)))

    @contextmanager
    def connected(home, port_base):
        with connection.messages():
            yield made

    monkeypatch.setattr(train, "connected", connected)
    return made


def run(*arguments):
    app = typer.Typer()
    app.command()(train.train)
    return CliRunner().invoke(app, [*arguments])


def test_it_prints_the_measures(folders, tmp_path):
    done = run("--cache", str(tmp_path))
    assert folders == [tmp_path]
    assert "auc roc                  0.9000" in done.stdout
    assert "Training ..." in done.stderr


def test_json_is_one_line(folders, tmp_path):
    answer = json.loads(run("--json", "--cache", str(tmp_path)).stdout)
    assert answer["metrics"] == {"auc_roc": 0.9, "average_precision": 0.7}
    assert "published" not in answer


def test_publish_puts_a_model_in_force_that_the_scorer_reads(folders, platform, tmp_path):
    arguments = ("--publish", "--json", "--cache", str(tmp_path))
    first, second = (json.loads(run(*arguments).stdout) for _ in range(2))
    assert (first["published"], second["published"]) == (True, False)
    decoder = Codecs(Catalogue.load(SCHEMAS), platform.registry).decoder(train.TOPIC)
    side = SideView([models_input(decoder)])
    (record,) = read_to_end(platform.broker, train.TOPIC, platform.clock)
    side.apply(record)
    (row,) = side.table("models").values()
    assert row.value.hash == first["model_hash"]


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_training(folders, tmp_path):
    (tmp_path / "file").touch()
    done = run("--cache", str(tmp_path / "file" / "below"))
    assert "trained models cannot be kept in" in str(done.exception)
    assert folders == []
