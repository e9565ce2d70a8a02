"""Passwords are changed step by step as Secrets Manager asks, and whoever connects meanwhile gets in."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pg8000.dbapi
import pytest

from loaders.database import connect
from loaders.errors import TerminalError
from loaders.reader import make_reader
from loaders.rotate import rotate
from tests.integration.loaders.conftest import Context, Pipeline

FIRST = "the-first-password"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@dataclass
class Rotated:
    """A user of the database and its secret, which is being rotated."""

    pipeline: Pipeline
    user: str
    secret: str
    token: str

    def take(self, *steps: str) -> None:
        for step in steps:
            event = {"SecretId": self.secret, "ClientRequestToken": self.token, "Step": step}
            rotate(event, Context())  # type: ignore[arg-type]

    def text(self, stage: str = "AWSCURRENT") -> dict[str, Any]:
        answer = self.pipeline.secrets.get_secret_value(SecretId=self.secret, VersionStage=stage)
        return dict(json.loads(answer["SecretString"]))

    def enters(self, password: str) -> bool:
        settings = self.pipeline.postgres.settings
        try:
            pg8000.dbapi.connect(
                self.user, "127.0.0.1", self.pipeline.database, settings.postgres_port, password
            ).close()
        except pg8000.dbapi.DatabaseError:
            return False
        return True


@pytest.fixture
def rotated(pipeline: Pipeline) -> Rotated:
    """The reading user, whose own transactions are read-only."""
    user = f'reader "{uuid.uuid4().hex[:8]}"'
    connection = pipeline.connect()
    make_reader(connection, user, FIRST)
    connection.close()
    return Rotated(pipeline, user, pipeline.secret(username=user, password=FIRST), str(uuid.uuid4()))


def test_after_the_four_steps_the_new_password_is_current_and_the_old_one_ended(rotated: Rotated) -> None:
    rotated.take(*STEPS)
    found = rotated.text()
    assert (found.pop("password") != FIRST, found["username"]) == (True, rotated.user)
    assert rotated.enters(rotated.text()["password"])
    assert not rotated.enters(FIRST)


def test_every_step_may_be_taken_again(rotated: Rotated) -> None:
    for step in STEPS:
        rotated.take(step)
        coming = rotated.text("AWSPENDING")["password"]
        rotated.take(step)
        assert rotated.text("AWSPENDING")["password"] == coming
    assert rotated.enters(rotated.text()["password"])


@pytest.mark.parametrize("taken", range(len(STEPS) + 1))
def test_whoever_connects_between_two_steps_gets_in(rotated: Rotated, taken: int) -> None:
    rotated.take(*STEPS[:taken])
    connect({**rotated.pipeline.environment, "DATABASE_SECRET": rotated.secret}).close()


def test_a_password_that_was_not_set_is_not_made_current(rotated: Rotated) -> None:
    rotated.take("createSecret")
    with pytest.raises(TerminalError, match="password"):
        rotated.take("testSecret")
    assert rotated.text()["password"] == FIRST


def test_the_server_keeps_the_new_password_as_a_verifier_only(rotated: Rotated) -> None:
    rotated.take("createSecret", "setSecret")
    query = "select rolpassword from pg_authid where rolname = %s"
    assert str(rotated.pipeline.query(query, rotated.user)[0][0]).startswith("SCRAM-SHA-256$")
