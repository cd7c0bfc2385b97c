"""Seeded schedules of faults against real parts under live traffic; see README.md beside this file."""
