"""How a migration runs its statements: as they are written, without any parameter syntax of Python's."""

from alembic import op


def run(*statements: str) -> None:
    """Executes each statement in turn, within the migration's transaction."""
    connection = op.get_bind()
    for statement in statements:
        connection.exec_driver_sql(statement)
