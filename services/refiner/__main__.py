"""`python -m services.refiner` runs the service until SIGTERM."""

from services.refiner.app import main

if __name__ == "__main__":
    main()
