"""Many small objects through S3Storage on a local SeaweedFS, beside obstore, a bare client written in Rust."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import obstore
from obstore.store import S3Store

from benchmarks.harness import alternate, print_result, print_table
from deploy.seaweed import SeaweedFS
from storage import open_storage

OBJECTS, BYTES, THREADS = 500, 30_000, 16
BAR = 0.5


def main() -> None:
    data = bytes(BYTES)
    with (
        tempfile.TemporaryDirectory(prefix="irodori-storage-") as name,
        SeaweedFS(Path(name)) as s3,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        os.environ.update(s3.environment)
        s3.create_bucket("bench")
        storage, rounds = open_storage("s3://bench/ours"), count()
        bare = S3Store(
            "bench",
            endpoint=s3.endpoint,
            access_key_id=s3.environment["AWS_ACCESS_KEY_ID"],
            secret_access_key=s3.environment["AWS_SECRET_ACCESS_KEY"],
            region=s3.environment["AWS_DEFAULT_REGION"],
            client_options={"allow_http": True},
        )
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
    rate = {name: OBJECTS / seconds for name, seconds in times.items()}
    print_table(
        [f"{BYTES:,} bytes, {THREADS} threads", "objects/s"], [[name, f"{value:.0f}"] for name, value in rate.items()]
    )
    print_result(
        "storage",
        min(rate["PUT ours"] / rate["PUT obstore"], rate["GET ours"] / rate["GET obstore"]),
        BAR,
        objects_per_second={name: round(value) for name, value in rate.items()},
    )


if __name__ == "__main__":
    main()
