"""`python -m services.ingest_gateway`: serve until SIGTERM or SIGINT."""

import os

if __name__ == "__main__":
    # gRPC's C core writes lines of its own to stderr, where each line is to be a JSON object. It reads this
    # when it is imported. What it has to say comes as an exception too; for more, set it to DEBUG.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from services.ingest_gateway.app import main

    main()
