"""`python -m services.live_views` runs the service until SIGTERM."""

from services.live_views.app import main

if __name__ == "__main__":
    main()
