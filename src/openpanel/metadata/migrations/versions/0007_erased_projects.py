"""Which projects were erased and when: what still waits of them is told from what the next of that name collects."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TABLE = "erased_projects"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_erased_projects")),
    )


def downgrade() -> None:
    op.drop_table(TABLE)
