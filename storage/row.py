"""Defines one row of the manifest: the result of one stage for one image."""

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Literal, get_args

Stage = Literal["scrape", "dedupe", "resize", "normalize", "train", "colorize"]
Status = Literal["ok", "dropped", "failed"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True, slots=True)
class Row:
    """The result of one stage for one image. Every field is text, as in the CSV; "" means unknown.

    Attributes:
        id: the origin of the image (``safebooru.org:4711``, or its path in the inbox).
        domain: "A" for lineart or "B" for colour.
        stage: one of STAGES.
        status: "ok", "dropped" or "failed".
        reason: why the image was dropped or failed, in words; "" if the status is ok.
        key: storage key of the bytes that this stage wrote for the next one.
        sha256: digest of the original bytes.
        parent: id of the post of which this one is a version.
        lines: hash of the lines alone, which is similar for a drawing and its coloured version.
        crops: the same of what is inside its borders, and of crops of that.
        moved_from: the domain whose tags found the image, if its colours put it into the other domain.
        group: id of one picture of the same drawing; all pictures of a group are in the same split.
        version: stamp of the inbox file (and its palette) that was colorized.
        made_by: the run or checkpoint that used the image.
        updated_at: UTC, ISO 8601; set by :meth:`storage.manifest.Manifest.record`.
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
    crops: str = ""
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
