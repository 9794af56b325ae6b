"""Records what is to be done for the drawings of the web page, and hands it out.

What is to be done is a job. A painter that takes one holds a lease, which it renews while it works; a painter that
vanishes renews nothing, and the next one takes the job over. Only the holder of a lease can end its job.

Clients take turns: a job's turn is one after that of its client's last waiting job, and never before the one that is
next (start-time fair queueing). So fifty drawings of one client do not hold up the single one of another.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, insert, or_, select, update

from irodori.web.limits import Limits
from irodori.web.refusal import Refused
from irodori.web.tables import DRAWINGS, JOBS, open_tables

LEASE = 15.0  # seconds
_LATER = 5.0  # seconds until what could not be tried is tried again
ATTEMPTS = 3
GIVEN_UP = f"the painter stopped {ATTEMPTS} times over this: it may be too large for this machine"
_SECONDS_EACH = 2.0  # that a drawing takes, about; tells whoever is refused when to come back


@dataclass(frozen=True)
class Job:
    """What a painter has in hand; see :data:`irodori.web.tables.JOBS`."""

    id: int
    drawing: str
    kind: str
    version: int


@dataclass(frozen=True)
class Progress:
    """How far a job is: `state` is "waiting", "painting", "done" or "failed", and `position` counts those before it."""

    state: str
    reason: str = ""
    position: int = 0


class Jobs:
    """The jobs of a page. Thread-safe; several processes may open the same."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time, *, public: bool = False) -> None:
        """Opens them; `url` and `public` are those of :func:`irodori.web.tables.open_tables`."""
        self._engine, self._clock = open_tables(url, public=public), clock
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # SQLite lets one write; who waits for it sleeps up to 0.1 s, who waits for this lock is next at once
        is_file = self._engine.dialect.name == "sqlite"
        self._one_writes: AbstractContextManager[Any] = Lock() if is_file else nullcontext()

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    def ask(self, drawing: str, kind: str, version: int, limits: Limits) -> None:
        """Adds a job, unless there is one; one that failed begins anew.

        Raises:
            Refused: there are too many.
        """
        same = and_(JOBS.c.drawing == drawing, JOBS.c.kind == kind, JOBS.c.version == version)
        with self._writing() as connection:
            found = connection.execute(select(JOBS.c.state).where(same).with_for_update()).scalar()
            if found == "failed":
                again = dict(state="waiting", reason="", attempts=0, lease_until=0.0)
                connection.execute(update(JOBS).where(same).values(again))
            elif found is None:
                client = connection.execute(select(DRAWINGS.c.client).where(DRAWINGS.c.id == drawing)).scalar() or ""
                waiting = select(func.count()).where(JOBS.c.state == "waiting", JOBS.c.kind != "prepare")
                everyone, mine = (
                    connection.execute(each).scalar_one() for each in (waiting, of_client(waiting, client))
                )
                if everyone >= limits.waiting:
                    raise Refused(503, f"{everyone} files wait already: try again soon", soon(everyone))
                if mine >= limits.waiting_each:
                    raise Refused(429, f"{mine} of your files wait already: let them be made", soon(mine))
                self._add(connection, drawing, client, kind, version)

    def progress(self, drawing: str, kind: str, version: int) -> Progress | None:
        """Tells how far a job is; None if nobody asked for it."""
        same = and_(JOBS.c.drawing == drawing, JOBS.c.kind == kind, JOBS.c.version == version)
        job = self._one(select(JOBS).where(same))
        if job is None or job.state != "waiting":
            return Progress(job.state, job.reason) if job else None
        if job.lease_until > self._clock():
            return Progress("painting")
        earlier = or_(JOBS.c.turn < job.turn, and_(JOBS.c.turn == job.turn, JOBS.c.id < job.id))
        before = select(func.count().label("count")).where(JOBS.c.state == "waiting", earlier)
        return Progress("waiting", "", int(self._all(before)[0][0]))

    def take(self, owner: str) -> Job | None:
        """Leases the next job that nobody has in hand; None if there is none.

        Of a drawing, what is made of it comes after it is prepared, even if another painter has that in hand.
        """
        now = self._clock()
        free = and_(JOBS.c.state == "waiting", JOBS.c.lease_until < now)
        given_up = update(JOBS).where(free, JOBS.c.attempts >= ATTEMPTS).values(state="failed", reason=GIVEN_UP)
        order, prepare = (JOBS.c.turn, JOBS.c.id), JOBS.alias()
        under_way = select(prepare.c.id).where(prepare.c.kind == "prepare", prepare.c.state == "waiting")
        is_ready = or_(
            JOBS.c.kind.in_(["prepare", "guide"]), ~under_way.where(prepare.c.drawing == JOBS.c.drawing).exists()
        )
        first = select(JOBS.c.id).where(free, is_ready).order_by(*order).limit(1).with_for_update(skip_locked=True)
        lease = dict(owner=owner, lease_until=now + LEASE, attempts=JOBS.c.attempts + 1)
        found = JOBS.c.id, JOBS.c.drawing, JOBS.c.kind, JOBS.c.version
        if not self._all(select(JOBS.c.id).where(free, is_ready).limit(1)):  # the usual case: nothing is written
            return None
        with self._writing() as connection:
            connection.execute(given_up)
            change = update(JOBS).where(JOBS.c.id == first.scalar_subquery(), free).values(lease).returning(*found)
            row = connection.execute(change).first()
        return Job(*row) if row else None

    def renew(self, owner: str) -> None:
        """Prolongs the leases of a painter."""
        held = and_(JOBS.c.owner == owner, JOBS.c.state == "waiting", JOBS.c.lease_until > 0)
        with self._writing() as connection:
            connection.execute(update(JOBS).where(held).values(lease_until=self._clock() + LEASE))

    def release(self, owner: str, *, tried: bool = True) -> None:
        """Ends the leases of a painter that has ended; `tried` unless it was told to end."""
        held = and_(JOBS.c.owner == owner, JOBS.c.state == "waiting")
        freed = dict(lease_until=0.0, owner="", attempts=JOBS.c.attempts - (0 if tried else 1))
        with self._writing() as connection:
            connection.execute(update(JOBS).where(held).values(freed))

    def put_back(self, job: Job, owner: str) -> None:
        """Gives a job back that could not be tried; others go first for a while."""
        held = and_(JOBS.c.id == job.id, JOBS.c.owner == owner, JOBS.c.state == "waiting")
        untried = dict(lease_until=self._clock() + _LATER, owner="", attempts=JOBS.c.attempts - 1)
        with self._writing() as connection:
            connection.execute(update(JOBS).where(held).values(untried))

    def finish(self, job: Job, owner: str, state: str, reason: str = "") -> bool:
        """Ends a job as "done" or "failed"; returns whether it was still this painter's."""
        held = and_(JOBS.c.id == job.id, JOBS.c.owner == owner, JOBS.c.state == "waiting")
        with self._writing() as connection:
            change = update(JOBS).where(held).values(state=state, reason=reason, lease_until=0.0)
            return bool(connection.execute(change).rowcount)

    def counts(self) -> dict[str, int]:
        """Counts the jobs of each state."""
        return dict(map(tuple, self._all(select(JOBS.c.state, func.count()).group_by(JOBS.c.state))))

    def _add(self, connection: Connection, drawing: str, client: str, kind: str, version: int) -> None:
        waiting = JOBS.c.state == "waiting"
        own = connection.execute(of_client(select(func.max(JOBS.c.turn)).where(waiting), client)).scalar()
        first = connection.execute(select(func.min(JOBS.c.turn)).where(waiting)).scalar()
        turn = max(-1 if own is None else own, (first or 0) - 1) + 1
        connection.execute(insert(JOBS).values(drawing=drawing, kind=kind, version=version, turn=turn))

    @contextmanager
    def _writing(self, *, alone: bool = False) -> Iterator[Connection]:
        """A transaction; `alone` lets no other one count and add meanwhile."""
        with self._one_writes, self._engine.begin() as connection:
            if alone and connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7403)")
            yield connection

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._reading.connect() as connection:
            return connection.execute(query).all()

    def _one(self, query: Select[Any]) -> Row[Any] | None:
        return next(iter(self._all(query)), None)


def of_client(query: Select[Any], client: str) -> Select[Any]:
    """Narrows a query for jobs to those of one client."""
    return query.where(JOBS.c.drawing.in_(select(DRAWINGS.c.id).where(DRAWINGS.c.client == client)))


def soon(waiting: int) -> int:
    """Returns after how many seconds there will be room, about."""
    return max(2, round(waiting * _SECONDS_EACH / 2))
