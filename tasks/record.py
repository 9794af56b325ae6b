"""Processes the images of a batch, several at a time, and records each soon after it is done."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from storage import Manifest, Row

T = TypeVar("T")
_AT_ONCE = 2  # threads: one image is decoded while another is downloaded or written to the storage
_RECORD_EVERY = 2.0  # seconds


def record_each(items: Iterable[T], work: Callable[[T], list[Row]], manifest: Manifest) -> "Counter[str]":
    """Processes a batch and records the rows every few seconds, so that little is repeated after a kill.

    Args:
        items: the items of the batch.
        work: processes one item and returns its row first, then any other rows that belong to it.
        manifest: where the rows are recorded.

    Returns:
        The number of items by status.
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
    finally:  # records what is done even if the storage or the source fails
        threads.shutdown(cancel_futures=True)
        finished = (done for done in begun if not done.cancelled() and not done.exception())
        rows += [row for done in finished for row in done.result()]
        manifest.record(rows)
    return counts
