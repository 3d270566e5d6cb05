"""SQL that SQLite and PostgreSQL spell differently, behind one function for each purpose."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
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

from app.background_priority import yielding

Row = Sequence[Any]
ColumnLike = InstrumentedAttribute[Any] | ColumnElement[Any]
Processor = Callable[[Any], Any]

_CHUNK_ROWS: Final = 50


def json_array(rows: Select[Any]) -> ColumnElement[str]:
    """Return a subquery: the single column of `rows`, in their order, as the text of a JSON array.

    So an article's topics come with its row, in one round trip and without an outer join.
    """
    ordered = rows.subquery()
    return select(_JsonArray(*ordered.c)).select_from(ordered).scalar_subquery()


def parse_json_arrays(arrays: Iterable[str]) -> list[list[Any]]:
    """Return the lists in `arrays`, parsed as one document: they are many and short."""
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
    transaction: Session | Connection, column: ColumnLike, values: Collection[Any]
) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `values`.

    All values are one bind parameter, so that the statement is compiled once, and neither
    database's limit on the number of parameters applies.
    """
    bind = transaction.get_bind() if isinstance(transaction, Session) else transaction
    dialect = bind.dialect.name
    return _in(
        column, literal(list_parameter(values, dialect), _list_type(column, dialect)), dialect
    )


def is_any_of_parameter(column: ColumnLike, name: str, dialect: str) -> ColumnElement[bool]:
    """Return the same condition for the bind parameter `name`, filled by `list_parameter`."""
    return _in(column, bindparam(name, type_=_list_type(column, dialect)), dialect)


def list_parameter(values: Collection[Any], dialect: str) -> object:
    """Return `values` as the value of one bind parameter."""
    return json.dumps(list(values)) if dialect == "sqlite" else list(values)


def _list_type(column: ColumnLike, dialect: str) -> TypeEngine[Any]:
    return Text() if dialect == "sqlite" else ARRAY(column.type)


def _in(column: ColumnLike, values: BindParameter[Any], dialect: str) -> ColumnElement[bool]:
    if dialect == "sqlite":
        each = func.json_each(values).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(values)


def allocate_ids(session: Session, table: FromClause, count: int) -> list[int]:
    """Return `count` new ids for `table`. The session must hold the writers' lock."""
    assert isinstance(table, Table)  # noqa: S101 - SQLAlchemy types `__table__` as a FromClause
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
    """Insert `rows` of values for `columns`, without SQLAlchemy's work for each row.

    Uses COPY on PostgreSQL and `executemany` on SQLite.
    """
    if not rows:
        return
    assert isinstance(table, Table)  # noqa: S101 - SQLAlchemy types `__table__` as a FromClause
    connection = session.connection()
    processors = _processors(table, columns, connection.dialect)
    chunks = (_processed(chunk, processors) for chunk in in_chunks(rows))
    names = ", ".join(columns)
    if is_sqlite(session):
        placeholders = ", ".join("?" * len(columns))
        insert = f"INSERT INTO {table.name} ({names}) VALUES ({placeholders})"  # noqa: S608 - names of ours
        for chunk in chunks:
            connection.exec_driver_sql(insert, chunk)
        return
    driver: Any = connection.connection.cursor()
    with driver as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in chain.from_iterable(chunks):
            copy.write_row(row)


def in_chunks(rows: Sequence[Row]) -> Iterator[list[Any]]:
    """Yield `rows` in lists of a few, and the CPU in between."""
    starts = range(0, len(rows), _CHUNK_ROWS)
    return yielding(list(rows[start : start + _CHUNK_ROWS]) for start in starts)


def is_sqlite(session: Session) -> bool:
    """Return whether the session is on SQLite."""
    return session.get_bind().dialect.name == "sqlite"


@lru_cache(64)
def _processors(
    table: Table, columns: tuple[str, ...], dialect: Dialect
) -> tuple[tuple[int, Processor], ...]:
    """Return SQLAlchemy's conversions of bind values, with the positions of their columns."""
    found = (table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns)
    return tuple((position, process) for position, process in enumerate(found) if process)


def _processed(rows: list[Row], processors: tuple[tuple[int, Processor], ...]) -> list[Any]:
    """Return `rows` converted for the driver. By columns, as few columns need it."""
    if not processors:
        return rows
    columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
    for position, process in processors:
        columns[position] = map(process, columns[position])
    return list(zip(*columns, strict=True))
