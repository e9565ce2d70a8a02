"""The API key of the local cloud: made by `xtage up`, kept where its owner alone reads it, with every scope."""

import os
from pathlib import Path

from api.keys import Scope, find_key, hash_of
from localcloud.settings import Settings
from xtage.key import create_key
from xtage.stages import Stage

NAME = "local"


def local_key(settings: Settings) -> str | None:
    """The key of this machine's owner; None before the first `xtage up`."""
    path = _path(settings)
    return path.read_text() if path.exists() else None


def ensure_local_key(settings: Settings, stage: Stage) -> None:
    """Makes the key, unless the one that is kept is still known."""
    kept = local_key(settings)
    keys = stage.outputs["ApiKeyTableName"]
    if kept is not None and find_key(stage.client("dynamodb"), keys, hash_of(kept)) is not None:
        return
    secret, _ = create_key(stage, NAME, tuple(Scope))
    path = _path(settings)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)


def _path(settings: Settings) -> Path:
    return settings.home / "api-key"
