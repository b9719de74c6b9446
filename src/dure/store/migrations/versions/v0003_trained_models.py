"""Models that a recipe trained, beside those that campaigns leave behind."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _text(length: int) -> sa.String:
    return sa.String(length=length).with_variant(sa.String(length=length, collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "trained_model",
        sa.Column("id", _text(80), nullable=False),
        sa.Column("recipe", _text(96), nullable=False),
        sa.Column("card", _text(80), nullable=False),
        sa.Column("parameters", _text(80), nullable=False),
        sa.Column("pictures", _text(80), nullable=False),
        sa.Column("owner", _text(32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trained_model")),
    )
    op.create_index("ix_trained_model_recipe", "trained_model", ["recipe", "sequence"], unique=False)
