"""Gives a database user another password: the function that Secrets Manager calls, once for each of four steps.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html. The user changes its
own password, so the secret of the one that rotates is all the function needs. Whoever connects in the moment between
the change and the secret's new version finds the coming password in the secret (`loaders.database.logged_in`). Doing a
step again changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from loaders import database, redshift
from loaders.database import CURRENT, PENDING, classified, logged_in, secret_text
from loaders.errors import TerminalError
from loaders.reader import verifier
from loaders.tables import quoted

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from loaders.redshift import RedshiftConnection

PASSWORD_BYTES = 20
PASSWORD_PREFIX = "Xt1"
"""Redshift wants a capital letter, a small one and a digit.
https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html"""

logger = Logger(service="loaders")


@logger.inject_lambda_context(clear_state=True)
def rotate(event: dict[str, Any], context: LambdaContext) -> None:
    """Takes one step. Raises LoaderError where the database or the secret does not let it."""
    # Imported here, as in `loaders.database`.
    import boto3

    secret = event["SecretId"]
    with classified(f"secret {secret}"):
        engine = REDSHIFT if json.loads(secret_text(secret)).get("engine") == "redshift" else POSTGRES
        rotation = Rotation(boto3.client("secretsmanager"), secret, event["ClientRequestToken"], engine)
        steps = {
            "createSecret": rotation.make_password,
            "setSecret": rotation.set_password,
            "testSecret": rotation.try_password,
            "finishSecret": rotation.make_current,
        }
        with engine.classified():
            steps[event["Step"]]()
    logger.info("rotation", secret=secret, step=event["Step"])


@dataclass(frozen=True)
class Engine:
    """How a user of one kind of database logs in, by a secret's name and text, and changes its own password."""

    log_in: Callable[[str, str, Mapping[str, str]], Any]
    change_password: Callable[[Any, str, str], None]
    classified: Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Rotation:
    """One rotation: of which secret, and the id of the version that is to become current."""

    client: SecretsManagerClient
    secret: str
    token: str
    engine: Engine

    def make_password(self) -> None:
        """Writes the coming version: the current one with another password."""
        try:
            self.client.get_secret_value(SecretId=self.secret, VersionId=self.token, VersionStage=PENDING)
        except self.client.exceptions.ResourceNotFoundException:
            self._write()

    def _write(self) -> None:
        coming = json.loads(secret_text(self.secret))
        # Letters and digits only, as the first one: shells, URLs and YAML trip over others.
        coming["password"] = PASSWORD_PREFIX + secrets.token_hex(PASSWORD_BYTES)
        self.client.put_secret_value(
            SecretId=self.secret,
            ClientRequestToken=self.token,
            SecretString=json.dumps(coming),
            VersionStages=[PENDING],
        )

    def set_password(self) -> None:
        """Has the user change its password to the coming one; an earlier attempt may have done so."""
        coming = json.loads(self._coming())
        connection = logged_in(self.secret, self._log_in)
        try:
            self.engine.change_password(connection, coming["username"], coming["password"])
        finally:
            connection.close()

    def try_password(self) -> None:
        """Logs in with the coming password. Raises TerminalError where the database refuses it.

        Secrets Manager also asks for this step alone, with a copy of the current version, when a schedule is made; the
        reading user is made after that.
        """
        if (coming := self._coming()) != secret_text(self.secret):
            self._log_in(coming).close()

    def make_current(self) -> None:
        """Lets everybody have it."""
        current = next(version for version, stages in self._versions().items() if CURRENT in stages)
        if current != self.token:
            self.client.update_secret_version_stage(
                SecretId=self.secret, VersionStage=CURRENT, MoveToVersionId=self.token, RemoveFromVersionId=current
            )

    def _log_in(self, text: str) -> Any:
        return self.engine.log_in(self.secret, text, os.environ)

    def _coming(self) -> str:
        if text := secret_text(self.secret, PENDING):
            return text
        raise TerminalError(f"secret {self.secret} has no version {PENDING}", remedy="begin the rotation anew")

    def _versions(self) -> dict[str, list[str]]:
        return self.client.describe_secret(SecretId=self.secret)["VersionIdsToStages"]


def _change_in_postgres(connection: database.Connection, user: str, password: str) -> None:
    with database.transaction(connection) as cursor:
        # The reader's transactions are read-only unless they say otherwise.
        cursor.execute("set transaction read write")
        cursor.execute(f"alter role {quoted(user)} with password '{verifier(password)}'")


def _change_in_redshift(connection: RedshiftConnection, user: str, password: str) -> None:
    """Sends what Redshift keeps of a password: its log of statements is exported.

    https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html
    """
    kept = hashlib.md5(f"{password}{user}".encode(), usedforsecurity=False).hexdigest()
    with redshift.transaction(connection) as cursor:
        cursor.execute(f"alter user {quoted(user)} password 'md5{kept}'")


POSTGRES = Engine(database.log_in, _change_in_postgres, nullcontext)
REDSHIFT = Engine(redshift.log_in, _change_in_redshift, redshift.classified)
