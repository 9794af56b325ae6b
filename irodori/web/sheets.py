"""Lists the colour sheets of the storage, and adds to them; their files are those of `irodori sheet`."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from irodori.names import SHEETS, Name, sheet_key
from irodori.web.confined import Confined, below
from irodori.web.edits import Edits, KeptColours
from irodori.web.refusal import Refused
from storage import Conflict, Unreadable

_MOST = 200  # of one list


class SheetRequest(BaseModel):
    """What a person wants to keep: the colours of a drawing with these edits, under a name."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    again: bool
    edits: Edits


class Sheets:
    """The colour sheets. Thread-safe."""

    def __init__(self, storage_url: str) -> None:
        self._storage = Confined(storage_url, below(SHEETS))

    def of(self, model: str) -> list[dict[str, Any]]:
        """Returns the sheets of a model (`Memory.id`) by name; others mean nothing to it."""
        found = []
        for entry in sorted(self._storage.list(SHEETS), key=lambda entry: entry.key)[:_MOST]:
            name = entry.key.removeprefix(SHEETS).removesuffix(".json")
            if entry.key != sheet_key(name) or "/" in name:
                continue
            try:
                sheet = KeptColours.model_validate_json(self._storage.read(entry.key))
            except (ValidationError, Unreadable):  # a person may have changed it, or just removed it
                continue
            if sheet.model == model:
                found.append({"name": name, **sheet.model_dump()})
        return found

    def has(self, name: str) -> bool:
        return self._storage.exists(sheet_key(name))

    def save(self, name: str, data: bytes, again: bool) -> None:
        """Writes a sheet; the same one again is no conflict.

        Raises:
            Refused: there is another one of this name, and it is not to be replaced.
        """
        key = sheet_key(name)
        if again:
            return self._storage.write(key, data)
        try:
            self._storage.replace(key, data, None)
        except Conflict:
            if self._storage.read(key) != data:
                raise Refused(409, f"there are colours of the name {name} already") from None
