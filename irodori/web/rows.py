"""Records the drawings of the web page and what is to be done for them.

What is to be done is a job. A painter that takes one holds a lease, which it renews while it works; a painter that
vanishes renews nothing, and the next one takes the job over. Only the holder of a lease can end its job.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, delete, func, insert, or_, select, update

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
    """What a painter has in hand: `kind` is "prepare", "reference", "guide" or the ending of an export."""

    id: int
    drawing: str
    kind: str
    version: int


@dataclass(frozen=True)
class NewDrawing:
    """A drawing that has just arrived; see :data:`irodori.web.tables.DRAWINGS`."""

    id: str
    name: str
    model: str
    client: str
    size: int
    inbox: str = ""
    edits: str = "{}"


@dataclass(frozen=True, kw_only=True)
class Drawing(NewDrawing):
    """A drawing's row; see :data:`irodori.web.tables.DRAWINGS`."""

    served: str
    created: float
    used: float
    version: int
    gone: int


@dataclass(frozen=True)
class Progress:
    """How far a job is: `state` is "waiting", "painting", "done" or "failed", and `position` counts those before it."""

    state: str
    reason: str = ""
    position: int = 0


class Rows:
    """Drawings and jobs. Thread-safe; several processes may open the same."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = open_tables(url), clock
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    def accept(self, drawing: NewDrawing, limits: Limits) -> None:
        """Records a new drawing and the job to prepare it.

        Raises:
            Refused: there are too many.
        """
        now = self._clock()
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7403)")  # who counts and adds is alone
            waiting = select(func.count()).where(JOBS.c.state == "waiting", JOBS.c.kind == "prepare")
            own = waiting.where(JOBS.c.drawing == DRAWINGS.c.id, DRAWINGS.c.client == drawing.client)
            hour = select(func.count()).where(DRAWINGS.c.client == drawing.client, DRAWINGS.c.created > now - 3600)
            everyone, mine, lately = (connection.execute(each).scalar_one() for each in (waiting, own, hour))
            if everyone >= limits.waiting:
                raise Refused(503, f"{everyone} drawings wait already: try again soon", _soon(everyone))
            if mine >= limits.waiting_each:
                raise Refused(429, f"{mine} of your drawings wait already: let them be finished", _soon(mine))
            if lately >= limits.hourly_each:
                raise Refused(429, f"{lately} drawings in one hour: that is all that this page takes", 600)
            connection.execute(insert(DRAWINGS).values(**asdict(drawing), created=now, used=now))
            connection.execute(insert(JOBS).values(drawing=drawing.id, kind="prepare", version=0))

    def find(self, drawing: str, *, use: bool = False) -> Drawing:
        """Returns a drawing; `use` notes that somebody is there.

        Raises:
            Refused: there is none.
        """
        row = self._one(select(DRAWINGS).where(DRAWINGS.c.id == drawing, DRAWINGS.c.gone == 0))
        if row is None:
            raise Refused(404, "this link has expired, or never was one: drop the drawing again")
        if use and self._clock() - row.used > 60:
            with self._engine.begin() as connection:
                connection.execute(update(DRAWINGS).where(DRAWINGS.c.id == drawing).values(used=self._clock()))
        return Drawing(**row._mapping)

    def opened(self, inbox: str) -> list[Drawing]:
        """Returns the drawings that were opened from a path of the inbox, the newest first."""
        same = and_(DRAWINGS.c.inbox == inbox, DRAWINGS.c.gone == 0)
        found = self._all(select(DRAWINGS).where(same).order_by(DRAWINGS.c.created.desc()))
        return [Drawing(**row._mapping) for row in found]

    def save_edits(self, drawing: str, edits: str, version: int) -> int:
        """Replaces the edits of a drawing, and returns their version.

        Raises:
            Refused: `version` is not the one that is replaced.
        """
        here = and_(DRAWINGS.c.id == drawing, DRAWINGS.c.gone == 0)
        change = update(DRAWINGS).where(here, DRAWINGS.c.version == version).returning(DRAWINGS.c.inbox)
        values = dict(edits=edits, version=version + 1, used=self._clock())
        with self._engine.begin() as connection:
            row = connection.execute(change.values(values)).first()
            if row and row.inbox:
                connection.execute(insert(JOBS).values(drawing=drawing, kind="guide", version=version + 1))
                # one guide rests in the inbox: other windows on it are told
                others = and_(DRAWINGS.c.inbox == row.inbox, DRAWINGS.c.id != drawing, DRAWINGS.c.gone == 0)
                told = dict(edits=edits, version=DRAWINGS.c.version + 1)
                connection.execute(update(DRAWINGS).where(others).values(told))
            if row:
                return version + 1
        found = self.find(drawing)
        if (found.version, found.edits) == (version + 1, edits):  # asked again, since the answer was lost
            return found.version
        raise Refused(412, "another window has changed this drawing meanwhile: reload the page")

    def set_served(self, drawing: str, served: str) -> None:
        """Records which checkpoint divided a drawing."""
        with self._engine.begin() as connection:
            connection.execute(update(DRAWINGS).where(DRAWINGS.c.id == drawing).values(served=served))

    def ask(self, drawing: str, kind: str, version: int, limits: Limits) -> None:
        """Adds a job, unless there is one; one that failed begins anew.

        Raises:
            Refused: there are too many.
        """
        same = and_(JOBS.c.drawing == drawing, JOBS.c.kind == kind, JOBS.c.version == version)
        with self._engine.begin() as connection:
            found = connection.execute(select(JOBS.c.state).where(same).with_for_update()).scalar()
            if found == "failed":
                again = dict(state="waiting", reason="", attempts=0, lease_until=0.0)
                connection.execute(update(JOBS).where(same).values(again))
            elif found is None:
                waiting = select(func.count()).where(JOBS.c.state == "waiting", JOBS.c.kind != "prepare")
                client = select(DRAWINGS.c.client).where(DRAWINGS.c.id == drawing).scalar_subquery()
                own = waiting.where(JOBS.c.drawing.in_(select(DRAWINGS.c.id).where(DRAWINGS.c.client == client)))
                everyone, mine = (connection.execute(each).scalar_one() for each in (waiting, own))
                if everyone >= limits.waiting:
                    raise Refused(503, f"{everyone} files wait already: try again soon", _soon(everyone))
                if mine >= limits.waiting_each:
                    raise Refused(429, f"{mine} of your files wait already: let them be made", _soon(mine))
                connection.execute(insert(JOBS).values(drawing=drawing, kind=kind, version=version))

    def progress(self, drawing: str, kind: str, version: int) -> Progress | None:
        """Tells how far a job is; None if nobody asked for it."""
        same = and_(JOBS.c.drawing == drawing, JOBS.c.kind == kind, JOBS.c.version == version)
        job = self._one(select(JOBS).where(same))
        if job is None or job.state != "waiting":
            return Progress(job.state, job.reason) if job else None
        if job.lease_until > self._clock():
            return Progress("painting")
        before = select(func.count().label("count")).where(JOBS.c.state == "waiting", JOBS.c.id < job.id)
        return Progress("waiting", "", int(self._all(before)[0][0]))

    def take(self, owner: str) -> Job | None:
        """Leases the oldest job that nobody has in hand; None if there is none."""
        now = self._clock()
        free = and_(JOBS.c.state == "waiting", JOBS.c.lease_until < now)
        given_up = update(JOBS).where(free, JOBS.c.attempts >= ATTEMPTS).values(state="failed", reason=GIVEN_UP)
        oldest = select(JOBS.c.id).where(free).order_by(JOBS.c.id).limit(1).with_for_update(skip_locked=True)
        lease = dict(owner=owner, lease_until=now + LEASE, attempts=JOBS.c.attempts + 1)
        found = JOBS.c.id, JOBS.c.drawing, JOBS.c.kind, JOBS.c.version
        if not self._all(select(JOBS.c.id).where(free).limit(1)):  # the usual case: nothing is written
            return None
        with self._engine.begin() as connection:
            connection.execute(given_up)
            change = update(JOBS).where(JOBS.c.id == oldest.scalar_subquery(), free).values(lease).returning(*found)
            row = connection.execute(change).first()
        return Job(*row) if row else None

    def renew(self, owner: str) -> None:
        """Prolongs the leases of a painter."""
        held = and_(JOBS.c.owner == owner, JOBS.c.state == "waiting", JOBS.c.lease_until > 0)
        with self._engine.begin() as connection:
            connection.execute(update(JOBS).where(held).values(lease_until=self._clock() + LEASE))

    def release(self, owner: str) -> None:
        """Ends the leases of a painter that has ended."""
        held = and_(JOBS.c.owner == owner, JOBS.c.state == "waiting")
        with self._engine.begin() as connection:
            connection.execute(update(JOBS).where(held).values(lease_until=0.0, owner=""))

    def put_back(self, job: Job, owner: str) -> None:
        """Gives a job back that could not be tried; others go first for a while."""
        held = and_(JOBS.c.id == job.id, JOBS.c.owner == owner, JOBS.c.state == "waiting")
        untried = dict(lease_until=self._clock() + _LATER, owner="", attempts=JOBS.c.attempts - 1)
        with self._engine.begin() as connection:
            connection.execute(update(JOBS).where(held).values(untried))

    def finish(self, job: Job, owner: str, state: str, reason: str = "") -> bool:
        """Ends a job as "done" or "failed"; returns whether it was still this painter's."""
        held = and_(JOBS.c.id == job.id, JOBS.c.owner == owner, JOBS.c.state == "waiting")
        with self._engine.begin() as connection:
            change = update(JOBS).where(held).values(state=state, reason=reason, lease_until=0.0)
            return bool(connection.execute(change).rowcount)

    def counts(self) -> dict[str, int]:
        """Counts the jobs of each state."""
        return dict(map(tuple, self._all(select(JOBS.c.state, func.count()).group_by(JOBS.c.state))))

    def expire(self, limits: Limits) -> list[str]:
        """Marks what is older than it may be; returns the ids of all that is marked."""
        now = self._clock()
        old = or_(DRAWINGS.c.used < now - limits.kept, DRAWINGS.c.created < now - limits.kept_at_most)
        with self._engine.begin() as connection:
            connection.execute(update(DRAWINGS).where(old).values(gone=1))
        return [row.id for row in self._all(select(DRAWINGS.c.id).where(DRAWINGS.c.gone == 1))]

    def mark_gone(self, drawing: str) -> None:
        """Marks a drawing: from now on it is nobody's, and its files will be removed."""
        with self._engine.begin() as connection:
            connection.execute(update(DRAWINGS).where(DRAWINGS.c.id == drawing).values(gone=1))

    def remove(self, drawing: str) -> None:
        """Removes a drawing's row and jobs; the last step, after its files."""
        with self._engine.begin() as connection:
            connection.execute(delete(DRAWINGS).where(DRAWINGS.c.id == drawing))

    def known(self) -> set[str]:
        """Returns the ids of all drawings."""
        return {row.id for row in self._all(select(DRAWINGS.c.id))}

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._reading.connect() as connection:
            return connection.execute(query).all()

    def _one(self, query: Select[Any]) -> Row[Any] | None:
        return next(iter(self._all(query)), None)


def _soon(waiting: int) -> int:
    """Returns after how many seconds there will be room, about."""
    return max(2, round(waiting * _SECONDS_EACH / 2))
