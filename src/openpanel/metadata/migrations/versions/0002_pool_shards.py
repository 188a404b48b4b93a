"""How many streams the pool of a project has, for projects whose ingest is their own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TABLE = "projects"
COLUMN = "pool_shards"
CHECK = "ck_projects_pool_shards_positive"


def upgrade() -> None:
    # A constant default: the table is not written anew.
    op.add_column(TABLE, sa.Column(COLUMN, sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.create_check_constraint(op.f(CHECK), TABLE, f"{COLUMN} > 0")


def downgrade() -> None:
    op.drop_constraint(op.f(CHECK), TABLE, type_="check")
    op.drop_column(TABLE, COLUMN)
