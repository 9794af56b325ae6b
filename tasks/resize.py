"""Resizes pictures so that their shortest side is the training size; saves colour as RGB, lineart as grey."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from imaging.codec import decode, decode_drawing, encode_png
from imaging.errors import ImageError
from imaging.ink import lineart_gray
from imaging.resize import check_shape, resize_shortest
from irodori.datasets import Dataset
from storage import Row
from tasks.errors import plain_errors
from tasks.record import record_each


@dataclass(frozen=True)
class ResizeJob:
    """The dataset, and the size of its training pictures.

    Attributes:
        dataset: the dataset.
        size: shortest side of the resized pictures, in pixels.
    """

    dataset: Dataset
    size: int


@task(name="resize", cache_policy=NO_CACHE)
@plain_errors
def resize(rows: Sequence[Row], job: ResizeJob) -> "Counter[str]":
    """Resizes a batch of scraped pictures; drops those that are too small or too long."""
    return record_each(rows, partial(_resize_one, job), job.dataset.manifest)


def _resize_one(job: ResizeJob, row: Row) -> list[Row]:
    dataset, size = job.dataset, job.size
    try:
        check_shape(int(row.width), int(row.height), size)
    except ImageError as error:
        return [Row(row.id, row.domain, "resize", "dropped", str(error), sha256=row.sha256)]
    data = dataset.storage.read(row.key)
    if row.domain == "A":
        image = Image.fromarray(lineart_gray(decode_drawing(data, draft_size=size)))
    else:
        image = decode(data, draft_size=size)
    image = resize_shortest(image, size)
    key = dataset.key("resize", row.domain, row.sha256)
    dataset.storage.write(key, encode_png(image))
    size_of_it = {"width": str(image.width), "height": str(image.height)}
    return [Row(row.id, row.domain, "resize", "ok", key=key, sha256=row.sha256, **size_of_it)]
