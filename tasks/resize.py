"""Stage resize: shortest side to the training size; colour as RGB, lineart as grey."""

from collections import Counter

from prefect import task
from prefect.cache_policies import NO_CACHE

from imaging.codec import ImageError, decode, encode_png
from imaging.resize import resize_shortest
from storage import Row
from tasks.dataset import Dataset
from tasks.errors import plain_errors


@task(name="resize", cache_policy=NO_CACHE)
@plain_errors
def resize(rows: list[Row], dataset: Dataset, size: int) -> "Counter[str]":
    """Resizes a batch of scraped pictures to ``size`` pixels; what is too small or too long is dropped."""
    resized = [_resize_one(row, dataset, size) for row in rows]
    dataset.manifest.record(resized)
    return Counter(row.status for row in resized)


def _resize_one(row: Row, dataset: Dataset, size: int) -> Row:
    image = decode(dataset.storage.read(row.key))
    try:
        image = resize_shortest(image, size)
    except ImageError as error:
        return Row(row.id, row.domain, "resize", "dropped", str(error), sha256=row.sha256)
    key = dataset.key("resize", row.domain, row.sha256)
    dataset.storage.write(key, encode_png(image.convert("L") if row.domain == "A" else image))
    return Row(
        row.id, row.domain, "resize", "ok", key=key, sha256=row.sha256,
        width=str(image.width), height=str(image.height),
    )  # fmt: skip
