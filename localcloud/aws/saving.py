"""Keeps the state on disk up to date while the server runs, so that a killed server loses a second, not everything.

ministack itself writes its state only when it is ended in an orderly way (S3 objects excepted).
"""

import logging
import threading

from ministack import app as ministack
from ministack.core import persistence

# Long enough that a deployment of a hundred requests is a few writes, short enough to lose little.
QUIET_SECONDS = 1.0


class Saver:
    """A thread that writes the state some time after something has changed, and never when nothing has."""

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        # It would log a line per service and write.
        logging.getLogger("persistence").setLevel(logging.WARNING)
        self._thread.start()

    def touch(self) -> None:
        """Tells that something has changed."""
        self._changed.set()

    def stop(self) -> None:
        """Ends the thread, after a write under way."""
        self._stopping.set()
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        while self._changed.wait() and not self._stopping.wait(QUIET_SECONDS):
            self._changed.clear()
            persistence.save_all(ministack._build_persistence_save_dict())
