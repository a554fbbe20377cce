"""What alembic runs: the versions, on the connection that `storage.migrate` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="nod",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
