"""Alembic's scripts, packaged so that `schema.migrate` finds them wherever this package is installed."""
