"""SQL that SQLite and PostgreSQL spell differently, each thing under one name."""

from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


def json_array(rows: Select[Any]) -> ColumnElement[list[Any]]:
    """Return the one column of `rows` as an array, in their order: one value for a statement."""
    ordered = rows.subquery()
    return select(_JsonArray(*ordered.c)).select_from(ordered).scalar_subquery()


class _JsonArray(FunctionElement[list[Any]]):
    type = JSON()
    inherit_cache = True


@compiles(_JsonArray, "sqlite")
def _sqlite(element: _JsonArray, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    return f"json_group_array({compiler.process(element.clauses, **options)})"


@compiles(_JsonArray, "postgresql")
def _postgresql(element: _JsonArray, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    return f"coalesce(json_agg({compiler.process(element.clauses, **options)}), '[]')"
