"""Records the drawings of the web page and who brings them; what is to be done for them is in irodori/web/jobs.py."""

from contextlib import suppress
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from irodori.web.jobs import Jobs, of_client, soon
from irodori.web.limits import Limits
from irodori.web.refusal import Refused
from irodori.web.tables import ARRIVALS, DRAWINGS, JOBS, WANTED

_HOUR = 3600.0
_UNDER_WAY = 2.0  # times the time in which a body must have arrived; what is older belongs to a page that was killed


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


class Rows(Jobs):
    """Drawings, and their jobs. Thread-safe; several processes may open the same."""

    def admit(self, client: str, limits: Limits) -> int:
        """Lets a client send a drawing, which counts from now on; returns the number of its arrival.

        Raises:
            Refused: there are too many.
        """
        with self._writing(alone=True) as connection:
            self._check_room(connection, client, limits)
            values = dict(client=client, at=self._clock())
            return int(connection.execute(insert(ARRIVALS).values(values).returning(ARRIVALS.c.id)).scalar_one())

    def withdraw(self, arrival: int) -> None:
        """Takes an arrival back of which no drawing came."""
        with self._writing() as connection:
            connection.execute(delete(ARRIVALS).where(ARRIVALS.c.id == arrival, ARRIVALS.c.here == 0))

    def accept(self, drawing: NewDrawing, limits: Limits, arrival: int | None = None) -> None:
        """Records a new drawing and the job to prepare it; `arrival` is what :meth:`admit` returned, if it was asked.

        Raises:
            Refused: there are too many.
        """
        now = self._clock()
        with self._writing(alone=True) as connection:
            self._check_room(connection, drawing.client, limits, arrival)
            connection.execute(delete(ARRIVALS).where(ARRIVALS.c.id == arrival))
            connection.execute(insert(ARRIVALS).values(client=drawing.client, at=now, here=1))
            connection.execute(insert(DRAWINGS).values(**asdict(drawing), created=now, used=now))
            self._add(connection, drawing.id, drawing.client, "prepare", 0)

    def _check_room(self, connection: Connection, client: str, limits: Limits, arrival: int | None = None) -> None:
        """Refuses a drawing when there are too many; those of the client that are on their way count, but `arrival`."""
        now = self._clock()
        waiting = select(func.count()).where(JOBS.c.state == "waiting", JOBS.c.kind == "prepare")
        own = and_(ARRIVALS.c.client == client, ARRIVALS.c.id != (arrival or 0))
        under_way = and_(own, ARRIVALS.c.here == 0, ARRIVALS.c.at > now - _UNDER_WAY * limits.upload_seconds)
        came = and_(own, ARRIVALS.c.here == 1, ARRIVALS.c.at > now - _HOUR)
        counts = waiting, of_client(waiting, client), *(select(func.count()).where(each) for each in (under_way, came))
        everyone, mine, coming, lately = (connection.execute(each).scalar_one() for each in counts)
        if everyone >= limits.waiting:
            raise Refused(503, f"{everyone} drawings wait already: try again soon", soon(everyone))
        if mine + coming >= limits.waiting_each:
            raise Refused(429, f"{mine + coming} of your drawings wait already: let them be finished", soon(mine))
        if lately + coming >= limits.hourly_each:
            raise Refused(429, f"{lately + coming} drawings in one hour: that is all that this page takes", 600)

    def find(self, drawing: str, *, use: bool = False) -> Drawing:
        """Returns a drawing; `use` notes that somebody is there.

        Raises:
            Refused: there is none.
        """
        row = self._one(select(DRAWINGS).where(DRAWINGS.c.id == drawing, DRAWINGS.c.gone == 0))
        if row is None:
            raise Refused(404, "this link has expired, or never was one: drop the drawing again")
        if use and self._clock() - row.used > 60:
            with self._writing() as connection:
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
        change = update(DRAWINGS).where(here, DRAWINGS.c.version == version)
        values = dict(edits=edits, version=version + 1, used=self._clock())
        with self._writing() as connection:
            row = connection.execute(change.values(values).returning(DRAWINGS.c.inbox, DRAWINGS.c.client)).first()
            if row and row.inbox:
                self._add(connection, drawing, row.client, "guide", version + 1)
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
        with self._writing() as connection:
            connection.execute(update(DRAWINGS).where(DRAWINGS.c.id == drawing).values(served=served))

    def want(self, thumbnail: str, key: str) -> None:
        """Asks for a small picture of a key of the storage."""
        if self._one(select(WANTED.c.id).where(WANTED.c.id == thumbnail)) is None:
            with suppress(IntegrityError), self._writing() as connection:  # or somebody asked at the same time
                connection.execute(insert(WANTED).values(id=thumbnail, key=key, at=self._clock()))

    def wanted(self) -> tuple[str, str] | None:
        """Returns the newest small picture that is asked for, and its key: somebody looks at it."""
        row = self._one(select(WANTED.c.id, WANTED.c.key).order_by(WANTED.c.at.desc()).limit(1))
        return (row.id, row.key) if row else None

    def unwant(self, thumbnail: str) -> None:
        with self._writing() as connection:
            connection.execute(delete(WANTED).where(WANTED.c.id == thumbnail))

    def expire(self, limits: Limits) -> list[str]:
        """Marks what is older than it may be; returns the ids of all that is marked."""
        now = self._clock()
        old = or_(DRAWINGS.c.used < now - limits.kept, DRAWINGS.c.created < now - limits.kept_at_most)
        with self._writing() as connection:
            connection.execute(update(DRAWINGS).where(old).values(gone=1))
            connection.execute(delete(ARRIVALS).where(ARRIVALS.c.at < now - _HOUR))
        return [row.id for row in self._all(select(DRAWINGS.c.id).where(DRAWINGS.c.gone == 1))]

    def mark_gone(self, drawing: str) -> None:
        """Marks a drawing: from now on it is nobody's, and its files will be removed."""
        with self._writing() as connection:
            connection.execute(update(DRAWINGS).where(DRAWINGS.c.id == drawing).values(gone=1))

    def remove(self, drawing: str) -> None:
        """Removes a drawing's row and jobs; the last step, after its files."""
        with self._writing() as connection:
            connection.execute(delete(DRAWINGS).where(DRAWINGS.c.id == drawing))

    def known(self) -> set[str]:
        """Returns the ids of all drawings."""
        return {row.id for row in self._all(select(DRAWINGS.c.id))}
