"""The embedded runtime: every part of the platform as a supervised process on this machine's loopback."""
