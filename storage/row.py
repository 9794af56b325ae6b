"""One row of the manifest: what became of one image in one stage."""

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Literal, get_args

Stage = Literal["scrape", "dedupe", "resize", "normalize", "train", "colorize"]
Status = Literal["ok", "dropped", "failed"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True, slots=True)
class Row:
    """What happened to one image in one stage. Everything is text, as in the CSV; "" means not known.

    Attributes:
        id: where the image comes from (``safebooru.org:4711``, or its path in the inbox).
        domain: "A" lineart or "B" colour.
        reason: why it was dropped or failed, in words; "" where status is ok.
        key: the bytes that this stage leaves to the next one.
        sha256: of the original bytes.
        parent: id of the post of which this one is a version.
        lines: hash of the lines alone, by which a drawing and its colouring are found to be one.
        moved_from: the domain under whose tags it was found, where its colours say otherwise.
        group: one of the pictures of the same drawing, all of which are in one split.
        version: of the inbox file that was colorized, as the storage names it.
        made_by: the run or checkpoint that used the image.
        updated_at: UTC, ISO 8601; filled in by :meth:`storage.manifest.Manifest.record`.
    """

    id: str
    domain: str
    stage: Stage
    status: Status
    reason: str = ""
    key: str = ""
    sha256: str = ""
    width: str = ""
    height: str = ""
    post_url: str = ""
    file_url: str = ""
    source: str = ""
    owner: str = ""
    parent: str = ""
    rating: str = ""
    tags: str = ""
    md5: str = ""
    md5_ok: str = ""
    pixel_sha256: str = ""
    phash: str = ""
    dhash: str = ""
    thumb: str = ""
    detail: str = ""
    lines: str = ""
    colour_mse: str = ""
    colour_fraction: str = ""
    moved_from: str = ""
    duplicate_of: str = ""
    ink_mean_before: str = ""
    ink_mean_after: str = ""
    ink_fraction: str = ""
    ink_scale: str = ""
    split: str = ""
    group: str = ""
    version: str = ""
    made_by: str = ""
    updated_at: str = ""


COLUMNS: list[str] = [field.name for field in fields(Row)]
values = attrgetter(*COLUMNS)
