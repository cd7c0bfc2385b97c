"""`python -m services.live_views` runs the service until SIGTERM."""

from services.live_views.app import run

if __name__ == "__main__":
    run()
