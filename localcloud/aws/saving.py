"""Keeps the state on disk up to date while the server runs, so that a killed server loses a second, not everything.

ministack itself writes its state only when it is ended in an orderly way (S3 objects excepted).
"""

import json
import logging
import threading
from pathlib import Path
from typing import Any

from ministack import app as ministack
from ministack.core import persistence

logger = logging.getLogger("localcloud.aws")

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
        persistence.save_state = save_state
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


# What was last written of each service: of fifty, two or three have changed.
_written: dict[str, str] = {}


def save_state(service: str, state: dict[str, Any]) -> None:
    """Writes the state of one service, if it is another than was written last; a failure is logged.

    In the place of ministack's own, whose `json.dump` encodes in Python, piece by piece, and which writes all files
    each time.
    """
    document = {"__ministack_format__": persistence._state_format_version(service), "payload": state}
    file = Path(persistence.STATE_DIR, f"{service}.json")
    draft = file.with_suffix(".json.tmp")
    try:
        text = json.dumps(document, default=persistence._json_default)
        if text == _written.get(service):
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text)
        draft.replace(file)
        _written[service] = text
    except Exception:
        logger.exception("The state of %s could not be saved", service)
