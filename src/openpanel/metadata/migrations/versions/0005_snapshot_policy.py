"""A third way for a project to go: its data are copied elsewhere before they are deleted."""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLE = "projects"
CHECK = "ck_projects_deletion_policy"


def upgrade() -> None:
    op.drop_constraint(op.f(CHECK), TABLE, type_="check")
    op.create_check_constraint(op.f(CHECK), TABLE, "deletion_policy IN ('Retain', 'Delete', 'Snapshot')")


def downgrade() -> None:
    op.drop_constraint(op.f(CHECK), TABLE, type_="check")
    # What the older version does not know is kept by it rather than deleted.
    op.execute(f"UPDATE {TABLE} SET deletion_policy = 'Retain' WHERE deletion_policy = 'Snapshot'")  # noqa: S608
    op.create_check_constraint(op.f(CHECK), TABLE, "deletion_policy IN ('Retain', 'Delete')")
