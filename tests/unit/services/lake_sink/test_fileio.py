from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pyarrow as pa
import pytest
from pyiceberg.io.pyarrow import PyArrowFileIO

from services.lake_sink.fileio import LakeFileIO, Outgoing


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as made:
        yield made


def test_files_are_there_as_written_after_the_wait(tmp_path, pool):
    outgoing = Outgoing(PyArrowFileIO(), pool)
    outgoing.put(f"{tmp_path}/bytes", b"abc")
    outgoing.put(f"{tmp_path}/buffer", pa.py_buffer(b"arrow"))
    held = outgoing.new_output(f"{tmp_path}/held")
    with held.create(overwrite=True) as stream:
        stream.write(b"piece by ")
        stream.write(b"piece")
    assert len(held) == len(b"piece by piece")
    outgoing.wait()
    read = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert read == {"bytes": b"abc", "buffer": b"arrow", "held": b"piece by piece"}


def test_no_file_waits_for_another(tmp_path, pool):
    begun = {"a": Event(), "b": Event()}

    class Meeting(PyArrowFileIO):
        """Each write waits until the other has begun."""

        def new_output(self, location):
            me = location[-1]
            begun[me].set()
            assert begun["ab".replace(me, "")].wait(30)
            return super().new_output(location)

    outgoing = Outgoing(Meeting(), pool)
    outgoing.put(f"{tmp_path}/a", b"1")
    outgoing.put(f"{tmp_path}/b", b"2")
    outgoing.wait()
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_one_that_cannot_be_written_is_told_once(tmp_path, pool):
    outgoing = Outgoing(PyArrowFileIO(), pool)
    (tmp_path / "file").write_bytes(b"")
    outgoing.put(f"{tmp_path}/file/below", b"x")
    outgoing.put(f"{tmp_path}/good", b"x")
    with pytest.raises(OSError, match="file"):
        outgoing.wait()
    outgoing.wait()


def test_a_small_object_is_one_request_and_keeps_the_settings():
    io = LakeFileIO(
        {
            "s3.endpoint": "http://127.0.0.1:9",
            "s3.access-key-id": "key",
            "s3.secret-access-key": "secret",
            "s3.region": "us-east-1",
            "s3.request-timeout": "30.0",
        }
    )
    _, (options,) = io.fs_by_scheme("s3", "lake").__reduce__()
    plain = PyArrowFileIO(io.properties).fs_by_scheme("s3", "lake").__reduce__()[1][0]
    assert options.pop("allow_delayed_open")
    assert not plain.pop("allow_delayed_open")
    assert {name: value for name, value in options.items() if name != "retry_strategy"} == {
        name: value for name, value in plain.items() if name != "retry_strategy"
    }
