"""`python -m services.lake_sink` runs the service until SIGTERM."""

from services.lake_sink.app import main

if __name__ == "__main__":
    main()
