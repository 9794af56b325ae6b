"""What a training on one's own art takes its pictures from: two folders, or the tags of a board."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rich.filesize import decimal

from imaging.clutter import is_clutter
from imaging.formats import exportable
from irodori.datasets import Dataset, Domain
from irodori.errors import PipelineError
from irodori.names import is_utf8
from irodori.sources import EXTENSIONS, StoredPictures
from scraping.fetch import FetchError
from scraping.post import Post, SourceError
from storage import Conflict
from storage.manifest import previous_stage
from storage.row import STAGES

_LOOKED_AT = 16  # pictures of each folder
_MAX_BYTES = 1 << 28
KINDS: dict[Domain, str] = {"A": "lineart", "B": "colour"}


@dataclass(frozen=True)
class Sources:
    """Where the pictures of both domains are, as build-dataset takes it.

    Attributes:
        address: a board, or the URL of a folder that both folders are in.
        lineart: tags, or the folder within.
        colour: tags, or the folder within.
        names: what the user called them, in the same order.
    """

    address: str
    lineart: str
    colour: str
    names: tuple[str, str]

    def is_new_to(self, dataset: Dataset) -> bool:
        """Tells whether the dataset has not been begun with these sources.

        Raises:
            PipelineError: if it was begun in another way, or with other sources (its text is one line).
        """
        key = f"datasets/{dataset.name}/"
        if not dataset.storage.exists(f"{key}sources.json"):
            if dataset.storage.exists(f"{key}config.json"):
                raise PipelineError(
                    f"the dataset {dataset.name!r} was made by build-dataset: give another --model, "
                    f"or train on it with --dataset {dataset.name}"
                )
            return True
        begun = json.loads(dataset.storage.read(f"{key}sources.json"))
        if begun != self._places():
            raise PipelineError(
                f"model {dataset.name!r} was begun with {begun['A']} and {begun['B']}: "
                "give these again, or another --model"
            )
        return False

    def keep_for(self, dataset: Dataset) -> None:
        """Records that the dataset is made of these sources, once for all."""
        try:
            data = json.dumps(self._places(), indent=2).encode()
            dataset.storage.replace(f"datasets/{dataset.name}/sources.json", data, None)
        except Conflict:
            self.is_new_to(dataset)

    def _places(self) -> dict[str, str]:
        if not self.address.startswith("file:"):
            return {"A": f"{self.address} {self.lineart}", "B": f"{self.address} {self.colour}"}
        root = Path(unquote(urlsplit(self.address).path))
        return {"A": str(root / self.lineart), "B": str(root / self.colour)}


def folders(ink: Path, painted: Path) -> Sources:
    """Checks two folders, and returns them as sources.

    Args:
        ink: the folder of lineart.
        painted: the folder of colour pictures.

    Raises:
        PipelineError: if they cannot be read, or are the same one (its text is one line).
    """
    for folder in (ink, painted):
        if not is_utf8(str(folder)):
            raise PipelineError(f"{str(folder)!r} is not UTF-8: give the folder another name")
        try:
            os.scandir(folder).close()
        except OSError as error:
            raise PipelineError(f"{folder} cannot be read as a folder: {error.strerror}") from error
    if os.path.samefile(ink, painted):
        raise PipelineError(f"{ink} and {painted} are the same folder: one is for lineart, one for colour pictures")
    places = [folder.resolve() for folder in (ink, painted)]
    above = Path(os.path.commonpath(places))
    inner = [place.relative_to(above).as_posix().removeprefix(".") for place in places]
    return Sources(above.as_uri(), inner[0], inner[1], names=(str(ink), str(painted)))


def check_kinds(ink: Path, painted: Path) -> None:
    """Looks at some pictures of each folder.

    Raises:
        PipelineError: if a folder has no pictures, the folders seem to be swapped, or one has none of its kind (its
            text is one line).
    """
    found = {domain: _kinds(folder, domain) for folder, domain in _both(ink, painted)}
    wrong = {domain: sum(kind != domain for kind in kinds) for domain, kinds in found.items()}
    if all(2 * wrong[domain] > len(kinds) for domain, kinds in found.items()):
        raise PipelineError(
            f"swapped? {wrong['A']} of {len(found['A'])} pictures looked at in {ink} are coloured, and {wrong['B']} of "
            f"{len(found['B'])} in {painted} are lineart: the folder of lineart comes first"
        )
    for folder, domain in _both(ink, painted):
        if found[domain] and wrong[domain] == len(found[domain]):
            one, other = ("lineart", "coloured") if domain == "A" else ("colour pictures", "lineart or grey")
            raise PipelineError(f"all {wrong[domain]} pictures looked at in {folder} are {other}: {one} belong there")


def _both(ink: Path, painted: Path) -> tuple[tuple[Path, Domain], tuple[Path, Domain]]:
    return (ink, "A"), (painted, "B")


def _kinds(folder: Path, domain: Domain) -> list[Domain]:
    """Returns the domains that some pictures of a folder belong to; those that cannot be read are left out."""
    pictures = StoredPictures(folder.resolve().as_uri(), _MAX_BYTES)
    try:
        posts = list(pictures.posts("", 10**6))
    except SourceError:
        others = not_read(folder)
        found = f", only {others}" if others else ": PNG, JPEG, WebP, TIFF, GIF or BMP"
        raise PipelineError(f"there are no pictures in {folder}{found}") from None
    some = posts[:: max(1, len(posts) // _LOOKED_AT)][:_LOOKED_AT]
    with ThreadPoolExecutor() as threads:
        kinds = threads.map(lambda post: _kind(pictures, post, domain), some)
        return [kind for kind in kinds if kind]


def _kind(pictures: StoredPictures, post: Post, domain: Domain) -> Domain | None:
    from imaging.codec import decode_drawing
    from imaging.domain import judge
    from imaging.errors import ImageError

    try:
        return judge(decode_drawing(pictures.download(post).data), domain).belongs
    except (FetchError, ImageError):
        return None


def not_read(folder: Path) -> str:
    """Says how many files of a folder are pictures in formats that are not read, and what to do; "" if none are."""
    names = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    endings = Counter(filter(None, (exportable(name) for name in names if not is_clutter(name))))
    shown = ", ".join(f"{number:,} {ending}" for ending, number in endings.most_common())
    return f"{shown}: export them as PNG or TIFF" if shown else ""


def check_room_for_copies(storage_url: str, places: Sequence[Path]) -> None:
    """Checks that a storage in a folder has room for copies of the pictures, which it keeps.

    Raises:
        PipelineError: if it has not (its text is one line).
    """
    files = (file for place in places for file in place.rglob("*") if file.suffix.lower() in EXTENSIONS)
    check_room(storage_url, sum(file.stat().st_size for file in files if file.is_file()), "copies of the pictures")


def check_room(storage_url: str, needed: int, use: str) -> None:
    """Checks that a storage in a folder has room.

    Args:
        storage_url: the storage.
        needed: bytes.
        use: what they are for, in the message.

    Raises:
        PipelineError: if it has not (its text is one line).
    """
    free = free_bytes(storage_url)
    if free is not None and needed > free:
        raise PipelineError(
            f"{shown_path(storage_url)} has {decimal(free)} free, and {use} need {decimal(needed)}: "
            "free some, or set IRODORI_STORAGE to another place"
        )


def free_bytes(storage_url: str) -> int | None:
    """Returns what is free on the disk of a storage; None if it is no folder."""
    if not storage_url.startswith("file:"):
        return None
    place = Path(unquote(urlsplit(storage_url).path))
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def shown_path(url: str) -> str:
    """Returns the path of what is in a folder, which a browser opens, too; of other storages the address."""
    return unquote(urlsplit(url).path) if url.startswith("file:") else url


def counts(dataset: Dataset, domain: Domain) -> "tuple[int, int, Counter[str]]":
    """Counts the pictures of a domain.

    Returns:
        How many were found, how many are kept, and the reasons why others are not, by number.
    """
    found, kept, reasons = 0, 0, Counter[str]()
    for stage in STAGES[: STAGES.index("train")]:
        for row in dataset.manifest.rows(stage, domain):
            found += stage == STAGES[0]
            kept += row.status == "ok" and stage == previous_stage("train", domain)
            if row.status != "ok":
                reasons[row.reason] += 1
    return found, kept, reasons
