"""Small helpers to ask and to be refused."""

from typing import Any

import pytest
from redshift_connector.error import Error

DIGITS = " union all ".join(f"select {number} as n" for number in range(10))


def rows(connection: Any, sql: str, *parameters: Any) -> list[list[Any]]:
    """The rows of an answer; empty for a statement that gives none."""
    cursor = connection.cursor()
    cursor.execute(sql, parameters or None)
    return [list(row) for row in cursor.fetchall()] if cursor.description else []


def numbers(tables: int) -> str:
    """A FROM clause with ten to the power of `tables` rows."""
    return ", ".join(f"({DIGITS}) as t{number}" for number in range(tables))


def refusal(connection: Any, sql: str) -> dict[str, str]:
    """The fields of the error with which a statement is refused."""
    with pytest.raises(Error) as caught:
        rows(connection, sql)
    fields: dict[str, str] = caught.value.args[0]
    return fields
