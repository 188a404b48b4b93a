"""Run by Alembic for every command: applies the migrations on the connection that `schema` hands over."""

from alembic import context

from openpanel.metadata.models import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    transaction_per_migration=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
