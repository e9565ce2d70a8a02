"""A user of Redshift changes its own password, and whoever connects meanwhile gets in."""

import json
import os
import uuid

import pytest

from loaders import redshift
from loaders.errors import TerminalError
from loaders.rotate import rotate
from localcloud.redshift.launcher import DATABASE
from tests.integration.loaders.conftest import Context
from tests.integration.loaders.test_rotate import FIRST, STEPS
from tests.redshift.conftest import Warehouses


def test_a_password_of_redshift_is_changed_in_four_steps_of_which_each_lets_everybody_in(
    warehouses: Warehouses, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = f"warehouse_{uuid.uuid4().hex[:8]}"
    warehouses.query(f"create role {user} login password '{FIRST}'")
    secret = warehouses.secret(dbname=DATABASE, username=user, password=FIRST, engine="redshift")
    monkeypatch.setenv("REDSHIFT_SECRET", secret)
    event = {"SecretId": secret, "ClientRequestToken": str(uuid.uuid4())}
    for step in STEPS:
        rotate({**event, "Step": step}, Context())  # type: ignore[arg-type]
        with redshift.connected(os.environ):
            pass
        rotate({**event, "Step": step}, Context())  # type: ignore[arg-type]
    text = warehouses.secrets.get_secret_value(SecretId=secret)["SecretString"]
    assert FIRST not in text
    [(kept,)] = warehouses.query("select rolpassword from pg_authid where rolname = %s", user)
    assert (kept[:3], json.loads(text)["password"] in kept) == ("md5", False)
    monkeypatch.setenv("REDSHIFT_SECRET", warehouses.secret(**{**json.loads(text), "password": FIRST}))
    with pytest.raises(TerminalError, match="check the user and password"), redshift.connected(os.environ):
        pass
