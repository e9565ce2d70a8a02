"""An RDS instance made by CloudFormation is the embedded PostgreSQL: its endpoint, its master user, its database.

In ministack such an instance is a record with an address that leads nowhere.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pg8000.native
from ministack.services import rds
from ministack.services.cloudformation import provisioners

from localcloud import ports
from localcloud.aws.launcher import postgres_port_file
from localcloud.errors import LocalCloudError
from localcloud.postgres import DATABASE, IN_THE_CLEAR, USER
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.aws")

RESOURCE_TYPE = "AWS::RDS::DBInstance"


def apply(settings: Settings) -> None:
    """Puts the patches in place."""
    handlers = provisioners._RESOURCE_HANDLERS[RESOURCE_TYPE]
    create, update, load = handlers["create"], handlers["update"], rds.load_persisted_state

    def create_instance(*arguments: Any) -> tuple[str, dict[str, str]]:
        return _adopted(settings, create(*arguments)[0])

    def update_instance(*arguments: Any) -> tuple[str, dict[str, str]]:
        return _adopted(settings, update(*arguments)[0])

    def load_instances(data: dict[str, Any]) -> None:
        load(data)
        for instance in rds._instances.all_values():
            try:
                _adopt(settings, instance)
            except (LocalCloudError, pg8000.native.Error, OSError) as error:
                logger.warning("RDS instance %s has no database: %s", instance["DBInstanceIdentifier"], error)

    provisioners._RESOURCE_HANDLERS[RESOURCE_TYPE] = handlers | {"create": create_instance, "update": update_instance}
    rds.load_persisted_state = load_instances


def _adopted(settings: Settings, instance_id: str) -> tuple[str, dict[str, str]]:
    instance = rds._instances[instance_id]
    _adopt(settings, instance)
    return instance_id, provisioners._rds_db_instance_attrs(instance)


def _adopt(settings: Settings, instance: dict[str, Any]) -> None:
    """Lets the instance answer with the embedded PostgreSQL and makes its master user there."""
    instance["Endpoint"] |= {"Address": ports.HOST, "Port": settings.postgres_port}
    master, password = instance["MasterUsername"], instance["_MasterUserPassword"]
    if master == USER:
        raise LocalCloudError(f"MasterUsername {USER} is the local superuser", "choose another in the template")
    with superuser(settings) as connection:
        _make_master(connection, master, password, instance["DBName"])
    postgres_port_file(settings).write_text(str(settings.postgres_port))


@contextmanager
def superuser(settings: Settings) -> Iterator[pg8000.native.Connection]:
    """A connection of the local superuser. Raises LocalCloudError where no PostgreSQL answers."""
    try:
        connection = pg8000.native.Connection(
            USER,
            ports.HOST,
            DATABASE,
            settings.postgres_port,
            settings.postgres_password,
            timeout=10,
            ssl_context=IN_THE_CLEAR,
        )
    except (pg8000.native.InterfaceError, OSError):
        problem = f"no PostgreSQL answers on {ports.HOST}:{settings.postgres_port}"
        raise LocalCloudError(problem, "start it before the embedded AWS") from None
    try:
        yield connection
    finally:
        connection.close()


def _make_master(connection: pg8000.native.Connection, master: str, password: str, database: str) -> None:
    """Makes or changes the master user as RDS has it: no superuser, owner of the database, may make roles, and sees and
    ends the sessions of others.

    The local superuser becomes it when logging in, so that tables made by hand and tables made by the pipeline have
    one owner.
    """

    def run(command: str, *names: str) -> None:
        values = {f"v{n}": name for n, name in enumerate(names)}
        casts = ", ".join(f"cast(:{value} as text)" for value in values)
        ((statement,),) = connection.run(f"select format('{command}', {casts})", **values)
        connection.run(statement)

    connection.run("set role none")
    if not connection.run("select from pg_roles where rolname = :name", name=master):
        run("create role %I", master)
    run("alter role %I with login createdb createrole nosuperuser password %L", master, password)
    run("grant pg_monitor, pg_signal_backend to %I", master)
    if not connection.run("select from pg_database where datname = :name", name=database):
        run("create database %I", database)
    run("alter database %I owner to %I", database, master)
    run("alter role %I set role to %I", USER, master)
