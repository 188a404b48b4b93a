"""Whose a project is: the namespace of the resource that describes it, so that no other gets what it collected."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TABLE = "projects"
COLUMN = "owner"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column(COLUMN, sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column(TABLE, COLUMN)
