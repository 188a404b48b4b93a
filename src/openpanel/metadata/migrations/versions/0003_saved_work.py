"""Projects made without a manifest, and what people save: dashboards, reports, cohorts, references."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

COLUMNS = ("managed", "domain", "cross_domain", "types", "delete_after")
TABLES = ("dashboards", "reports", "cohorts", "chart_references")


def upgrade() -> None:
    _projects()
    _dashboards()
    _cohorts()
    _references()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for column in reversed(COLUMNS):
        op.drop_column("projects", column)


def _projects() -> None:
    # Constant defaults: the table is not written anew. What exists so far was made from manifests.
    op.add_column(
        "projects", sa.Column("managed", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.add_column("projects", sa.Column("domain", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column(
        "projects", sa.Column("cross_domain", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column(
        "projects", sa.Column("types", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("projects", sa.Column("delete_after", sa.DateTime(timezone=True), nullable=True))


def _dashboards() -> None:
    op.create_table(
        "dashboards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *_moments(),
        *_of_project("dashboards"),
    )
    op.create_index(op.f("ix_dashboards_project_id"), "dashboards", ["project_id"], unique=False)
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dashboard_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("question", JSONB(), nullable=False),
        sa.Column("place", JSONB(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        *_moments(),
        sa.ForeignKeyConstraint(
            ["dashboard_id"], ["dashboards.id"], name=op.f("fk_reports_dashboard_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index(op.f("ix_reports_dashboard_id"), "reports", ["dashboard_id"], unique=False)


def _cohorts() -> None:
    op.create_table(
        "cohorts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("definition", JSONB(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=True),
        sa.Column("members", sa.BigInteger(), nullable=True),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        *_moments(),
        sa.CheckConstraint("kind IN ('dynamic', 'static')", name=op.f("ck_cohorts_kind")),
        sa.CheckConstraint(
            "(kind = 'static') = (generation IS NOT NULL)", name=op.f("ck_cohorts_static_is_kept")
        ),
        *_of_project("cohorts"),
    )
    op.create_index(op.f("ix_cohorts_project_id"), "cohorts", ["project_id"], unique=False)


def _references() -> None:
    op.create_table(
        "chart_references",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        *_moments(),
        *_of_project("chart_references"),
    )
    op.create_index(op.f("ix_chart_references_project_id"), "chart_references", ["project_id"], unique=False)


def _moments() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )


def _of_project(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f(f"fk_{table}_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
