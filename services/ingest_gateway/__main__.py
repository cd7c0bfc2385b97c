"""`python -m services.ingest_gateway`: serve until SIGTERM or SIGINT."""

from services.ingest_gateway.app import main

if __name__ == "__main__":
    main()
