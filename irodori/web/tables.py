"""Defines the tables of the web page, and opens them: in one SQLite file, or in PostgreSQL, by the same statements."""

import time
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateColumn

from irodori.errors import PipelineError

_metadata = MetaData()
DRAWINGS = Table(
    "web_drawings",
    _metadata,
    Column("id", String(22), primary_key=True),
    Column("name", Text, nullable=False),  # as its owner calls it
    Column("model", Text, nullable=False),
    Column("inbox", Text, nullable=False, default=""),  # its path below inbox/, if it was opened there
    Column("served", Text, nullable=False, default=""),  # the checkpoint that divided it
    Column("client", Text, nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes
    Column("created", Double, nullable=False, index=True),
    Column("used", Double, nullable=False),
    Column("edits", Text, nullable=False, default="{}"),
    Column("version", Integer, nullable=False, default=0),  # of the edits
    Column("gone", Integer, nullable=False, default=0),  # its files are being removed
)
JOBS = Table(
    "web_jobs",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("drawing", String(22), ForeignKey(DRAWINGS.c.id, ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),  # "prepare", "guide", the ending of an export, …: see painter.py
    Column("version", Integer, nullable=False),  # of the edits that are exported
    Column("state", Text, nullable=False, default="waiting"),  # waiting, done, failed
    Column("reason", Text, nullable=False, default=""),
    Column("owner", Text, nullable=False, default=""),  # the painter that has it in hand
    Column("lease_until", Double, nullable=False, default=0.0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("turn", Integer, nullable=False, default=0, server_default="0"),  # lower ones first, then lower ids
    UniqueConstraint("drawing", "kind", "version"),
    sqlite_autoincrement=True,
)
# who brought a drawing in the last hour, whatever became of it
ARRIVALS = Table(
    "web_arrivals",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("client", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("here", Integer, nullable=False, default=0),  # 0: its bytes are on their way
    sqlite_autoincrement=True,
)
# small pictures of the inbox that somebody wants to see
WANTED = Table(
    "web_wanted",
    _metadata,
    Column("id", String(32), primary_key=True),
    Column("key", Text, nullable=False),
    Column("at", Double, nullable=False),
)
_PUBLIC = "irodori_public"  # PostgreSQL's schema of a page for everybody
_BUSY, _AGAIN = 20.0, 0.002  # seconds to wait for SQLite's lock, and between two tries
_WAITING = f"PRAGMA busy_timeout = {round(1000 * _BUSY)}"  # of whoever reads


def open_tables(url: str, *, public: bool = False) -> Engine:
    """Opens the tables, and makes what is missing.

    Args:
        url: as SQLAlchemy's: sqlite:////folder/file or postgresql+psycopg://user@host/database.
        public: opens those of the page for everybody, which knows nothing of one's own: another file, or schema.

    Raises:
        PipelineError: the database cannot be opened (its text is one line).
    """
    engine = None
    try:
        engine = create_engine(_public_file(url) if public else url, pool_pre_ping=True)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_to_write)
        elif public:
            engine = engine.execution_options(schema_translate_map={None: _PUBLIC})
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7403)")  # two processes may start at once
                if public:
                    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {_PUBLIC}")
            _metadata.create_all(connection)
            _add_columns(connection, _PUBLIC if public and engine.dialect.name != "sqlite" else None)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        if engine is not None:
            engine.dispose()
        reason = str(error).strip().splitlines()[0]
        raise PipelineError(f"IRODORI_DATABASE: {url.partition('@')[2] or url} cannot be opened ({reason})") from error
    return engine


def _public_file(url: str) -> str:
    """Returns the URL of the public page's database: of a file web.sqlite, web-public.sqlite."""
    if not url.startswith("sqlite:"):
        return url
    stem, dot, ending = url.rpartition(".")
    return f"{stem}-public.{ending}" if dot and "/" not in ending else f"{url}-public"


def _add_columns(connection: Connection, schema: str | None) -> None:
    """Adds columns that tables of an earlier version lack."""
    known = inspect(connection)
    for table in _metadata.sorted_tables:
        there = {column["name"] for column in known.get_columns(table.name, schema)}
        place = f"{schema}.{table.name}" if schema else table.name
        for column in table.columns:
            if column.name not in there:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {place} ADD COLUMN {definition}")


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # transactions begin where this program says so
    connection.execute(_WAITING)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_to_write(connection: Connection) -> None:
    """Takes SQLite's lock at once: a transaction that reads first and writes later may find that it came too late.

    SQLite itself would sleep up to 0.1 s between two tries.
    """
    end = time.monotonic() + _BUSY
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
            time.sleep(_AGAIN)
    finally:
        connection.exec_driver_sql(_WAITING)
