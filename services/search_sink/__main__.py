"""`python -m services.search_sink` runs the service until SIGTERM."""

from services.search_sink.app import main

if __name__ == "__main__":
    main()
