"""Starts the command `irodori`, whose parts take a second to import: Ctrl-C ends it in that second, too."""

import os
import sys

STOPPED = 130  # the exit status of what Ctrl-C ends


def main() -> None:
    """Runs the command; Ctrl-C that no command answers ends it without a word."""
    # before torch is loaded: on a busy machine its threads spin while they wait for each other, and training crawls
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from irodori.cli.app import main

        main()
    except KeyboardInterrupt:
        sys.exit(STOPPED)


if __name__ == "__main__":
    main()
