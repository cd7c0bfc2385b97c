import hashlib
import io
import tarfile

from local.artifacts import Artifact
from local.fetch import cached, fetch, free_bytes, missing, unpacked


def archive():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member = tarfile.TarInfo("inside/file")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    return data.getvalue()


def put(cache, content, coordinate="g:a:tar.gz:1"):
    artifact = Artifact(coordinate, len(content), hashlib.sha256(content).hexdigest())
    path = cached(artifact, cache)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return artifact


def test_what_is_cached_is_not_fetched(tmp_path):
    artifact = put(tmp_path, b"x")
    assert missing([artifact], tmp_path) == []
    fetch([artifact], tmp_path)  # would need the network otherwise


def test_a_file_of_another_size_is_missing(tmp_path):
    artifact = put(tmp_path, b"x")
    cached(artifact, tmp_path).write_bytes(b"xy")
    assert missing([artifact], tmp_path) == [artifact]


def test_an_archive_is_unpacked_once(tmp_path):
    artifact = put(tmp_path, archive())
    folder = unpacked(artifact, tmp_path)
    assert (folder / "inside" / "file").read_bytes() == b"abc"
    (folder / "mark").touch()
    assert (unpacked(artifact, tmp_path) / "mark").exists()


def test_free_space_is_asked_of_the_nearest_folder_that_exists(tmp_path):
    assert free_bytes(tmp_path / "not" / "there") > 0
