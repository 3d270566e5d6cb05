"""SQL that SQLite and PostgreSQL spell differently, each thing under one name."""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from app.background_priority import Rows, in_turns

Row = Sequence[Any]
ColumnLike = InstrumentedAttribute[Any] | ColumnElement[Any]
Processor = Callable[[Any], Any]

_AT_ONCE: Final = 50


def json_array(rows: Select[Any]) -> ColumnElement[str]:
    """Return the one column of `rows` as an array, in their order: one value for a statement.

    It comes as JSON text, of which `parse_json_arrays` makes lists.
    """
    ordered = rows.subquery()
    return select(_JsonArray(*ordered.c)).select_from(ordered).scalar_subquery()


def parse_json_arrays(arrays: Iterable[str]) -> list[list[Any]]:
    """Return the lists that `arrays` are, read all at once: each has few members, and is short."""
    lists: list[list[Any]] = from_json(f"[{','.join(arrays)}]")
    return lists


class _JsonArray(FunctionElement[str]):
    type = Text()
    inherit_cache = True


@compiles(_JsonArray, "sqlite")
def _sqlite(element: _JsonArray, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    return f"json_group_array({compiler.process(element.clauses, **options)})"


@compiles(_JsonArray, "postgresql")
def _postgresql(element: _JsonArray, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    return f"coalesce(json_agg({compiler.process(element.clauses, **options)})::text, '[]')"


def is_any_of(
    asker: Session | Connection,
    column: ColumnLike,
    values: Collection[Any],
) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `values`, however many.

    They are one parameter, so the statement is the same each time, and is compiled once.
    """
    bind = asker.get_bind() if isinstance(asker, Session) else asker
    dialect = bind.dialect.name
    return _in(column, literal(list_parameter(values, dialect), _list_of(column, dialect)), dialect)


def is_any_of_parameter(column: ColumnLike, name: str, dialect: str) -> ColumnElement[bool]:
    """Return the same condition for the bind parameter `name`, filled by `list_parameter`."""
    return _in(column, bindparam(name, type_=_list_of(column, dialect)), dialect)


def list_parameter(values: Collection[Any], dialect: str) -> object:
    """Return `values` as one parameter."""
    return json.dumps(list(values)) if dialect == "sqlite" else list(values)


def _list_of(column: ColumnLike, dialect: str) -> TypeEngine[Any]:
    return Text() if dialect == "sqlite" else ARRAY(column.type)


def _in(
    column: ColumnLike,
    values: BindParameter[Any],
    dialect: str,
) -> ColumnElement[bool]:
    if dialect == "sqlite":
        each = func.json_each(values).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(values)


def allocate_ids(session: Session, table: FromClause, count: int) -> list[int]:
    """Return ids for `count` new rows of `table`. Only a writer may ask: it has the lock."""
    assert isinstance(table, Table)  # noqa: S101 - a class's `__table__` is typed as less
    if count == 0:
        return []
    if is_sqlite(session):
        last = session.scalar(select(func.max(table.c.id))) or 0
        return list(range(last + 1, last + 1 + count))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    series = func.generate_series(1, count).table_valued("value")
    return list(session.scalars(select(func.nextval(sequence)).select_from(series)))


def bulk_insert(
    session: Session, table: FromClause, columns: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Insert `rows`, each of which has the values of `columns`, by the fastest way there is.

    On PostgreSQL that is COPY, on SQLite the driver's own executemany.
    """
    if not rows:
        return
    assert isinstance(table, Table)  # noqa: S101 - a class's `__table__` is typed as less
    connection = session.connection()
    processors = _processors(table, columns, connection.dialect)
    kept = _processed(rows, processors) if processors else rows
    names = ", ".join(columns)
    if is_sqlite(session):
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
        connection.exec_driver_sql(statement, Rows(kept))
        return
    driver: Any = connection.connection.cursor()
    with driver as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in in_turns(kept):
            copy.write_row(row)


def is_sqlite(session: Session) -> bool:
    """Say whether the session is one on SQLite."""
    return session.get_bind().dialect.name == "sqlite"


@lru_cache(64)
def _processors(
    table: Table, columns: tuple[str, ...], dialect: Dialect
) -> tuple[tuple[int, Processor], ...]:
    """Return what SQLAlchemy does to values of those columns on their way, by position."""
    found = (table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns)
    return tuple((place, process) for place, process in enumerate(found) if process)


def _processed(rows: Sequence[Row], processors: tuple[tuple[int, Processor], ...]) -> Sequence[Row]:
    """Return `rows` as the driver takes them, worked on piece by piece.

    In each it goes column by column: there are few, and what goes through the rows is no Python.
    """
    done: list[Row] = []
    for start in in_turns(range(0, len(rows), _AT_ONCE), 1):
        values: list[Iterable[Any]] = list(zip(*rows[start : start + _AT_ONCE], strict=True))
        for place, process in processors:
            values[place] = map(process, values[place])
        done += zip(*values, strict=True)
    return done
