"""Runs the whole pipeline offline on real drawings (``make demo``), small enough for two CPU cores.

Serves the demo's drawings from a local board, scrapes them over HTTP, builds a dataset, trains for a few minutes
and colorizes held-out lineart. A second run skips whatever the first one finished.
"""

import os
import sys
import time
from pathlib import Path

from irodori.loopback import keep_loopback_direct
from irodori.stack import UNTRACKED

NAME = "demo"
PORT = 8765
_HOME = Path(__file__).resolve().parent.parent / ".run" / "demo"

keep_loopback_direct()
# set before Prefect is imported, so that the demo starts its own server whatever else this machine is configured for
os.environ.pop("PREFECT_API_URL", None)
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
os.environ |= {
    "PREFECT_HOME": str(_HOME),
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_LOGGING_LEVEL": os.environ.get("PREFECT_LOGGING_LEVEL", "INFO"),
    **UNTRACKED,
}


def main() -> None:
    started = time.monotonic()
    _HOME.mkdir(parents=True, exist_ok=True)
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit("\nstopped; `make demo` goes on where it was")
    print(f"\ndone in {time.monotonic() - started:.0f} s", flush=True)


def _run() -> None:
    from prefect.exceptions import FailedRun

    from demo.board import Board
    from demo.gallery import demo_posts
    from deploy.child import marked, stop
    from irodori.errors import PipelineError
    from irodori.prefect_server import check_home, temporary_server

    try:
        board = Board(demo_posts(), port=PORT)
    except OSError as error:
        sys.exit(f"the demo's board cannot listen on port {PORT} ({error.strerror}): stop what uses it")
    # this process holds the port, so no other demo is running: a process with the demo's mark was left by a killed one
    stop(marked("PREFECT_HOME", str(_HOME)), grace=5.0)
    with board:
        _fill_inbox()
        try:
            check_home(_HOME)
            with temporary_server():
                _run_pipeline(board.url)
        except (FailedRun, PipelineError) as error:
            sys.exit(f"the demo stopped: {error}")
    _print_summary()


def _run_pipeline(source: str) -> None:
    from cyclegan.training.config import preset
    from demo.drawings import CREDIT
    from flows.full_pipeline import full_pipeline
    from scraping.filters import PostFilter
    from scraping.politeness import Politeness
    from tasks.scrape import Query

    size = preset("demo").data.crop
    small = PostFilter(min_side=size)
    full_pipeline(
        name=NAME,
        lineart=Query(tags="lineart monochrome solo", filter=small),
        colour=Query(tags="solo white_background -monochrome", filter=small),
        size=size,
        source=source,
        # the board is local, so rate limits would only slow the demo down
        politeness=Politeness(api_per_second=100, files_per_second=1000, connections=8),
        preset="demo",
        credit=CREDIT,
    )


def _fill_inbox() -> None:
    """Writes the held-out lineart that the inbox does not have yet."""
    from demo.drawings import HELD_OUT_SEEDS, Drawing
    from irodori.settings import settings
    from storage import open_storage

    storage = open_storage(settings().storage)
    present = {entry.key for entry in storage.list(f"inbox/{NAME}/")}
    for seed in HELD_OUT_SEEDS:
        key = f"inbox/{NAME}/portrait-{seed}.png"
        if key not in present:
            storage.write(key, Drawing(seed).render("A", 256))


def _print_summary() -> None:
    from irodori.models import Model
    from irodori.settings import settings

    url = settings().storage
    best = Model(url, NAME).best()
    print(f"\ncontact sheet  {url}/outbox/{NAME}/_contact-sheet.png")
    print(f"manifest       {url}/datasets/{NAME}/manifest.csv")
    print(f"checkpoint     {url}/{best.checkpoint}")
    print(f"chosen because {best.reason}")


if __name__ == "__main__":
    main()
