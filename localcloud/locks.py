"""Lock files: held through fcntl, so that the lock of a killed process is gone with it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from localcloud.errors import LocalCloudError


def acquire(path: Path) -> IO[str] | None:
    """Takes the lock and returns the open file that holds it, or None when another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_held(path: Path) -> bool:
    """Whether some living process holds the lock."""
    if not path.exists():
        return False
    file = acquire(path)
    if file is None:
        return True
    file.close()
    return False


@contextmanager
def exclusively(path: Path, what: str) -> Iterator[None]:
    """Keeps a second process from changing `what` at the same time; raises LocalCloudError when one is."""
    file = acquire(path)
    if file is None:
        raise LocalCloudError(f"another command is starting or stopping {what}", "wait until it has ended")
    try:
        yield
    finally:
        file.close()
