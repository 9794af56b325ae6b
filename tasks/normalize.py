"""Normalizes the ink of every lineart, so that the model sees lines of the same darkness."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from imaging.codec import decode, encode_png
from imaging.lineart import Normalization
from imaging.lineart import normalize as normalize_lineart
from irodori.datasets import Dataset
from storage import Row
from tasks.errors import plain_errors
from tasks.record import record_each

_DROPPED = {"blank": "next to no ink on the page", "too_dense": "too much ink to be lineart"}


@dataclass(frozen=True)
class NormalizeJob:
    """The dataset, and the normalization of its lineart."""

    dataset: Dataset
    normalization: Normalization


@task(name="normalize", cache_policy=NO_CACHE)
@plain_errors
def normalize(rows: Sequence[Row], job: NormalizeJob) -> "Counter[str]":
    """Normalizes a batch of resized lineart; blank and solid pages are dropped."""
    return record_each(rows, partial(_normalize_one, job), job.dataset.manifest)


def _normalize_one(job: NormalizeJob, row: Row) -> list[Row]:
    dataset = job.dataset
    gray = np.asarray(decode(dataset.storage.read(row.key)).convert("L"))
    lineart = normalize_lineart(gray, job.normalization)
    measured = {
        "ink_mean_before": f"{lineart.mean_in:.2f}", "ink_mean_after": f"{lineart.mean_out:.2f}",
        "ink_fraction": f"{lineart.ink_fraction:.5f}", "ink_scale": f"{lineart.scale:.4f}",
    }  # fmt: skip
    if reason := _DROPPED.get(lineart.status):
        return [Row(row.id, row.domain, "normalize", "dropped", reason, sha256=row.sha256, **measured)]
    key = dataset.key("normalize", row.domain, row.sha256)
    dataset.storage.write(key, encode_png(Image.fromarray(lineart.image)))
    measured |= {"width": row.width, "height": row.height}
    return [Row(row.id, row.domain, "normalize", "ok", key=key, sha256=row.sha256, **measured)]
