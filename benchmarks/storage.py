"""Compares S3Storage with obstore, a bare client written in Rust, on many small objects in a local SeaweedFS.

The table shows the processor time for one object beside the rates. It is measured in one thread and does not contain
the server, which runs on the same cores.
"""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import obstore
from obstore.store import S3Store

from benchmarks.harness import alternate, print_result, print_table
from deploy.seaweed import SeaweedFS
from storage import Storage, open_storage

OBJECTS, BYTES, THREADS = 500, 30_000, 16
BAR = 0.5


def milliseconds(use: Callable[[str], object], keys: list[str]) -> float:
    """Returns this process's mean processor time for one object, in milliseconds."""
    start = time.process_time()
    for key in keys:
        use(key)
    return 1e3 * (time.process_time() - start) / len(keys)


def compare(storage: Storage, bare: S3Store, threads: ThreadPoolExecutor) -> tuple[dict[str, float], dict[str, float]]:
    """Times both clients.

    Args:
        storage: our client, on the prefix "ours" of the bucket.
        bare: obstore's client of the same bucket.
        threads: the threads that make the requests.

    Returns:
        Seconds for all objects, and milliseconds of processor time for one object, both by verb and client.
    """
    data, rounds = bytes(BYTES), count()
    keys = [f"k{number}" for number in range(OBJECTS)]
    times = alternate(
        {
            "PUT ours": lambda: list(threads.map(lambda key: storage.write(f"{next(rounds)}", data), keys)),
            "PUT obstore": lambda: list(threads.map(lambda key: obstore.put(bare, f"b{next(rounds)}", data), keys)),
        },
        rounds=3,
    )
    list(threads.map(lambda key: storage.write(key, data), keys))
    times |= alternate(
        {
            "GET ours": lambda: list(threads.map(storage.read, keys)),
            "GET obstore": lambda: list(threads.map(lambda key: obstore.get(bare, f"ours/{key}").bytes(), keys)),
        },
        rounds=3,
    )
    cost = {
        "PUT ours": milliseconds(lambda key: storage.write(key, data), keys),
        "PUT obstore": milliseconds(lambda key: obstore.put(bare, key, data), keys),
        "GET ours": milliseconds(storage.read, keys),
        "GET obstore": milliseconds(lambda key: obstore.get(bare, f"ours/{key}").bytes(), keys),
    }
    return times, cost


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="irodori-storage-") as name,
        SeaweedFS(Path(name)) as s3,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        os.environ.update(s3.environment)
        s3.create_bucket("bench")
        storage = open_storage("s3://bench/ours")
        bare = S3Store(
            "bench",
            endpoint=s3.endpoint,
            access_key_id=s3.environment["AWS_ACCESS_KEY_ID"],
            secret_access_key=s3.environment["AWS_SECRET_ACCESS_KEY"],
            region=s3.environment["AWS_DEFAULT_REGION"],
            client_options={"allow_http": True},
        )
        times, cost = compare(storage, bare, threads)
    rate = {name: OBJECTS / seconds for name, seconds in times.items()}
    print_table(
        [f"{BYTES:,} bytes, {THREADS} threads", "objects/s", "ms of processor time an object"],
        [[name, f"{value:.0f}", f"{cost[name]:.2f}"] for name, value in rate.items()],
    )
    print_result(
        "storage",
        min(rate["PUT ours"] / rate["PUT obstore"], rate["GET ours"] / rate["GET obstore"]),
        BAR,
        objects_per_second={name: round(value) for name, value in rate.items()},
        milliseconds_an_object={name: round(value, 2) for name, value in cost.items()},
    )


if __name__ == "__main__":
    main()
