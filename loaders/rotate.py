"""Gives a database user another password: the function that Secrets Manager calls, once for each of four steps.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html. The user changes its
own password, so the secret of the one that rotates is all the function needs. Whoever connects in the moment between
the change and the secret's new version finds the coming password in the secret (`loaders.database.connect`). Doing a
step again changes nothing.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pg8000.dbapi
from aws_lambda_powertools import Logger

from loaders.database import CURRENT, PENDING, Connection, classified, is_refused, log_in, secret_text, transaction
from loaders.errors import TerminalError
from loaders.reader import verifier
from loaders.tables import quoted

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_secretsmanager import SecretsManagerClient

PASSWORD_BYTES = 20

logger = Logger(service="loaders")


@logger.inject_lambda_context(clear_state=True)
def rotate(event: dict[str, Any], context: LambdaContext) -> None:
    """Takes one step. Raises LoaderError where the database or the secret does not let it."""
    # Imported here, as in `loaders.database`.
    import boto3

    rotation = Rotation(boto3.client("secretsmanager"), event["SecretId"], event["ClientRequestToken"])
    steps = {
        "createSecret": rotation.make_password,
        "setSecret": rotation.set_password,
        "testSecret": rotation.try_password,
        "finishSecret": rotation.make_current,
    }
    with classified(f"secret {rotation.secret}"):
        steps[event["Step"]]()
    logger.info("rotation", secret=rotation.secret, step=event["Step"])


@dataclass(frozen=True)
class Rotation:
    """One rotation: of which secret, and the id of the version that is to become current."""

    client: SecretsManagerClient
    secret: str
    token: str

    def make_password(self) -> None:
        """Writes the coming version: the current one with another password."""
        try:
            self.client.get_secret_value(SecretId=self.secret, VersionId=self.token, VersionStage=PENDING)
        except self.client.exceptions.ResourceNotFoundException:
            self._write()

    def _write(self) -> None:
        coming = json.loads(secret_text(self.secret))
        # Letters and digits only, as the first one: shells, URLs and YAML trip over others.
        coming["password"] = secrets.token_hex(PASSWORD_BYTES)
        self.client.put_secret_value(
            SecretId=self.secret,
            ClientRequestToken=self.token,
            SecretString=json.dumps(coming),
            VersionStages=[PENDING],
        )

    def set_password(self) -> None:
        """Has the user change its password to the coming one."""
        coming = json.loads(self._coming())
        connection = self._logged_in()
        try:
            with transaction(connection) as cursor:
                # The reader's transactions are read-only unless they say otherwise.
                cursor.execute("set transaction read write")
                user = quoted(coming["username"])
                cursor.execute(f"alter role {user} with password '{verifier(coming['password'])}'")
        finally:
            connection.close()

    def try_password(self) -> None:
        """Logs in with the coming password. Raises TerminalError where the database refuses it.

        Secrets Manager also asks for this step alone, with a copy of the current version, when a schedule is made; the
        reading user is made after that.
        """
        if (coming := self._coming()) != secret_text(self.secret):
            log_in(self.secret, coming, os.environ).close()

    def make_current(self) -> None:
        """Lets everybody have it."""
        current = next(version for version, stages in self._versions().items() if CURRENT in stages)
        if current != self.token:
            self.client.update_secret_version_stage(
                SecretId=self.secret, VersionStage=CURRENT, MoveToVersionId=self.token, RemoveFromVersionId=current
            )

    def _logged_in(self) -> Connection:
        """With the current password, or with the coming one where an earlier attempt has set it."""
        try:
            return log_in(self.secret, secret_text(self.secret), os.environ)
        except pg8000.dbapi.DatabaseError as error:
            if not is_refused(error):
                raise
            return log_in(self.secret, self._coming(), os.environ)

    def _coming(self) -> str:
        if text := secret_text(self.secret, PENDING):
            return text
        raise TerminalError(f"secret {self.secret} has no version {PENDING}", remedy="begin the rotation anew")

    def _versions(self) -> dict[str, list[str]]:
        return self.client.describe_secret(SecretId=self.secret)["VersionIdsToStages"]
