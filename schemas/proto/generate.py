"""Write the Python code of ingest.proto beside it: `python -m schemas.proto.generate`."""

import sys
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parents[2]
PROTO = "schemas/proto/ingest.proto"


def generate(out: Path) -> None:
    """Write ingest_pb2.py, ingest_pb2.pyi and ingest_pb2_grpc.py below `out`; raises RuntimeError."""
    arguments = [
        f"--proto_path={ROOT}",
        f"--python_out={out}",
        f"--pyi_out={out}",
        f"--grpc_python_out={out}",
    ]
    if protoc.main(["protoc", *arguments, PROTO]) != 0:
        raise RuntimeError(f"protoc refused {PROTO}; its message is above")


if __name__ == "__main__":
    generate(ROOT)
    sys.stdout.write(f"Wrote the code of {PROTO}.\n")
