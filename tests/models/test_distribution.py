"""The distribution rules: what a database that is split by workspace needs of the tables."""

from collections.abc import Iterator

import pytest
from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, MetaData, Table, Uuid
from sqlalchemy.schema import UniqueConstraint

from models import base
from models.base import DISTRIBUTION, Distribution
from models.tables import metadata

WORKSPACES = metadata.tables["workspaces"]

ACROSS_WORKSPACES = {"memberships_of_user_idx"}
"""The indexes that no workspace leads on purpose: "which workspaces am I in" has no tenant."""


def lives(table: Table) -> Distribution:
    """Return where a table lives; every table has to say so."""
    return Distribution(table.info[DISTRIBUTION])


def tenants() -> list[Table]:
    """Return the tables that are split by workspace."""
    return [table for table in metadata.sorted_tables if lives(table) is Distribution.TENANT]


def violations(table: Table) -> Iterator[str]:
    """Yield each key, unique, foreign key and index of a tenant table that breaks the rules."""
    tenant = "id" if table.name == WORKSPACES.name else "workspace_id"
    if next(iter(table.primary_key.columns)).name != tenant:
        yield f"{table.name}: the primary key does not lead with {tenant}"
    for constraint in table.constraints:
        columns = [column.name for column in constraint.columns]  # type: ignore[attr-defined]
        if isinstance(constraint, UniqueConstraint) and columns[0] != tenant:
            yield f"{constraint.name}: does not lead with {tenant}"
        if isinstance(constraint, ForeignKeyConstraint):
            of_tenant = lives(constraint.referred_table) is Distribution.TENANT
            if of_tenant and columns[0] != tenant:
                yield f"{constraint.name}: does not lead with {tenant}"
            if lives(constraint.referred_table) is Distribution.LOCAL:
                yield f"{constraint.name}: refers to a table of the coordinator"
    for index in table.indexes:
        if index.name not in ACROSS_WORKSPACES and next(iter(index.columns)).name != tenant:
            yield f"{index.name}: does not lead with {tenant}"


@pytest.mark.parametrize("table", tenants(), ids=lambda table: table.name)
def test_the_workspace_leads_every_key_of_a_tenant_table(table: Table) -> None:
    """Primary keys, uniques, foreign keys and indexes."""
    assert list(violations(table)) == []


def test_a_tenant_table_whose_key_does_not_lead_with_the_workspace_is_found() -> None:
    """The test above can fail."""
    wrong = Table(
        "wrong",
        MetaData(),
        Column("id", Uuid, primary_key=True),
        Column("workspace_id", Uuid, primary_key=True, index=True),
        Column("name", Uuid, unique=True, index=True),
        **base.TENANT,
    )

    assert len(list(violations(wrong))) == 2


def test_only_tenant_tables_refer_to_tenant_tables() -> None:
    """A reference table is copied to every node: a row of one workspace is not there."""
    for table in metadata.sorted_tables:
        for constraint in table.foreign_key_constraints:
            if lives(table) is not Distribution.TENANT:
                assert lives(constraint.referred_table) is lives(table), constraint.name


def test_every_constraint_has_a_name_of_its_own() -> None:
    """An error names the constraint: two with one name would not tell which."""
    tables = metadata.sorted_tables
    names = [str(constraint.name) for table in tables for constraint in table.constraints]
    names += [str(index.name) for table in tables for index in table.indexes]

    assert "None" not in names
    assert sorted(names) == sorted(set(names))
    assert max(map(len, names)) <= 63


def test_no_check_calls_a_function_that_changes_its_mind() -> None:
    """A distributed engine refuses them, and so does a restored backup."""
    checks = [
        str(constraint.sqltext).lower()
        for table in metadata.sorted_tables
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    ]

    assert checks
    assert [check for check in checks if "now()" in check or "random" in check] == []
