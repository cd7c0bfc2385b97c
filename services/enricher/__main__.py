"""`python -m services.enricher` runs the service until SIGTERM."""

from services.enricher.app import main

if __name__ == "__main__":
    main()
