"""What a task does with its batch: several images at a time, each recorded soon after it is done."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from storage import Manifest, Row

T = TypeVar("T")
_AT_ONCE = 2  # one image is decoded while the other is on its way from the network or to the storage
_RECORD_EVERY = 2.0  # seconds


def record_each(items: Iterable[T], work: Callable[[T], list[Row]], manifest: Manifest) -> "Counter[str]":
    """Works through a batch and records the rows as they come, so that a kill repeats seconds of it.

    Args:
        work: what one item comes to: its row, first, and any other that belongs to it.

    Returns:
        How many items have which status.
    """
    counts: Counter[str] = Counter()
    rows: list[Row] = []
    recorded = time.monotonic()
    threads = ThreadPoolExecutor(_AT_ONCE)
    begun = {threads.submit(work, item) for item in items}
    try:
        for done in as_completed(begun):
            begun.remove(done)
            new = done.result()
            rows += new
            counts[new[0].status] += 1
            if time.monotonic() - recorded > _RECORD_EVERY:
                manifest.record(rows)
                rows, recorded = [], time.monotonic()
    finally:  # what is done stays done, also where the storage or the source fails
        threads.shutdown(cancel_futures=True)
        finished = (done for done in begun if not done.cancelled() and not done.exception())
        rows += [row for done in finished for row in done.result()]
        manifest.record(rows)
    return counts
