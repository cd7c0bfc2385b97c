from pathlib import Path

import pytest

from schemas.proto.generate import ROOT, generate


@pytest.mark.parametrize("name", ["ingest_pb2.py", "ingest_pb2.pyi", "ingest_pb2_grpc.py"])
def test_the_generated_code_is_that_of_the_proto_file(name: str, tmp_path: Path) -> None:
    generate(tmp_path)
    path = f"schemas/proto/{name}"
    assert (tmp_path / path).read_text() == (ROOT / path).read_text(), (
        "run `python -m schemas.proto.generate`"
    )
