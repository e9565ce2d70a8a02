"""Whose calls a process makes: the keys of a role's session, or the embedded AWS's own."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3


@dataclass(frozen=True)
class Credentials:
    """An access key with its secret, and for a session its token."""

    access_key: str
    secret_key: str
    session_token: str | None = None

    @classmethod
    def of_the_server(cls) -> Credentials:
        """The embedded AWS's own, which may do everything."""
        return cls(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])

    def as_environment(self) -> dict[str, str]:
        """The variables from which every SDK reads them."""
        given = {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }
        return {name: value for name, value in given.items() if value}

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded AWS that signs with them."""
        # Of one session for all: each of its own would read botocore's descriptions of the services again, a tenth of a
        # second. Making clients is not thread-safe, using them is.
        with _making:
            return _session().client(  # type: ignore[call-overload]
                service,
                aws_access_key_id=self.access_key,
                aws_secret_access_key=self.secret_key,
                aws_session_token=self.session_token,
            )


_making = threading.Lock()


@cache
def _session() -> boto3.Session:
    return boto3.Session()
