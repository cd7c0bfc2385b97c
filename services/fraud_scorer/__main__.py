"""`python -m services.fraud_scorer` runs the service until SIGTERM."""

from services.fraud_scorer.app import main

if __name__ == "__main__":
    main()
