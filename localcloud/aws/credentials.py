"""Whose calls a process makes: the keys of a role's session, or the embedded AWS's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
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
        session = boto3.Session(self.access_key, self.secret_key, self.session_token)
        return session.client(service)  # type: ignore[call-overload]
