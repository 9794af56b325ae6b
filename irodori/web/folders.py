"""Opens drawings of the inbox on the page; what is changed becomes their guide, and the schedule colours them again.

A drawing's guide from the page is hero.png.guide.json, beside hero.png. One that is not as the page writes it, to the
last byte, and any other file of hints, is a person's, and is never written to.
"""

import json
from dataclasses import dataclass

from pydantic import ValidationError

from irodori.inbox import is_usable
from irodori.names import guided, guides_by, is_drawing
from irodori.web.confined import Confined
from irodori.web.edits import Edits, written
from irodori.web.refusal import Refused
from irodori.web.rows import Drawing
from storage import Entry, NotFound, Unreadable

INBOX, OUTBOX, FAILED = "inbox/", "outbox/", "failed/"
_GUIDE = ".guide.json"
_MOST = 2000  # drawings of one list


@dataclass(frozen=True)
class Listed:
    """A drawing of the inbox: `name` is its path there, `state` is "coloured", "failed" or "waiting".

    Attributes:
        version: changes with what :meth:`Folders.picture` shows of it.
    """

    name: str
    state: str
    version: str


class Folders:
    """The inbox, as the page shows it. Thread-safe."""

    def __init__(self, storage_url: str) -> None:
        self._storage = Confined(storage_url, lambda key: key.startswith(INBOX) and key.endswith(_GUIDE))

    def listed(self) -> list[Listed]:
        """Returns the drawings of the inbox by name, and how far they are."""
        there, done, failed = (
            {entry.key.removeprefix(prefix): entry for entry in self._storage.list(prefix)}
            for prefix in (INBOX, OUTBOX, FAILED)
        )
        names = sorted(name for name in there if is_drawing(name) and is_usable(INBOX + name))
        found = []
        for name in names[:_MOST]:
            state = "failed" if name in failed else "coloured" if name in done else "waiting"
            shown = done.get(name, there[name]) if state == "coloured" else there[name]
            found.append(Listed(name, state, shown.version))
        return found

    @staticmethod
    def picture(name: str, state: str) -> str:
        """Returns the key of what shows a drawing of the inbox: its colours, once it has some.

        Raises:
            Refused: it is none.
        """
        if not is_usable(INBOX + name) or not is_drawing(name):
            raise Refused(404, "there is no such drawing in the inbox")
        return (OUTBOX if state == "coloured" else INBOX) + name

    def open(self, name: str) -> tuple[bytes, Edits]:
        """Reads a drawing of the inbox, and what the page changed of it before.

        Raises:
            Refused: there is none, or a person guides it.
        """
        key = INBOX + name
        if not is_usable(key) or not is_drawing(key):
            raise Refused(404, "there is no such drawing in the inbox")
        for guide in self._guides(key):
            if guide.key != key + _GUIDE:
                raise Refused(409, f"{guide.key.rpartition('/')[2]} colours this drawing: change it there")
        try:
            return self._storage.read(key), self._edits(key)[0]
        except Unreadable as error:
            raise Refused(404, "there is no such drawing in the inbox") from error

    def read(self, key: str) -> bytes:
        """Reads what :meth:`picture` names."""
        return self._storage.read(key)

    def save(self, drawing: Drawing) -> None:
        """Makes the edits of a drawing its guide; the same edits give the same bytes, and none remove it.

        Raises:
            Refused: a person guides it meanwhile.
            Conflict: somebody else writes it at this moment.
        """
        key = INBOX + drawing.inbox
        edits, version = self._edits(key)
        new = Edits.model_validate_json(drawing.edits)
        data = _guide(new)
        if data == _guide(edits) and (version or data == _NOTHING):
            return
        if data == _NOTHING:
            self._storage.delete(key + _GUIDE)
            return
        self._storage.replace(key + _GUIDE, data, version)

    def _guides(self, key: str) -> list[Entry]:
        folder = key.rpartition("/")[0] + "/"
        return [entry for entry in self._storage.list(folder) if guided(entry.key) in guides_by(key)]

    def _edits(self, key: str) -> tuple[Edits, str | None]:
        """Returns what the page changed before, and the version of that file."""
        try:
            data, version = self._storage.read_version(key + _GUIDE)
        except NotFound:
            return Edits(), None
        try:
            edits = Edits.model_validate_json(data)
        except ValidationError:
            edits = Edits()
        if _guide(edits) != data:
            raise Refused(409, f"{key.rpartition('/')[2]}{_GUIDE} colours this drawing: change it there")
        return edits, version


def _guide(edits: Edits) -> bytes:
    return json.dumps(written(edits), indent=1).encode() + b"\n"


_NOTHING = _guide(Edits())
