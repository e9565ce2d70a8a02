"""A Redshift Serverless workgroup made by CloudFormation is the Redshift harness: its endpoint, its administrator.

ministack knows neither namespaces nor workgroups. The administrator of a Redshift database is a superuser in it, and so
is this one; what RDS holds is in another database, but of the same server.
"""

from typing import Any

from ministack.core.responses import get_account_id
from ministack.services.cloudformation import provisioners

from localcloud import ports
from localcloud.aws.launcher import REGION
from localcloud.aws.patches.databases import superuser
from localcloud.errors import LocalCloudError
from localcloud.postgres import USER
from localcloud.redshift.launcher import redshift_port_file
from localcloud.settings import Settings

NAMESPACE = "AWS::RedshiftServerless::Namespace"
WORKGROUP = "AWS::RedshiftServerless::Workgroup"


def apply(settings: Settings) -> None:
    """Puts the handlers in place."""

    def make_namespace(_: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        name = str(properties["NamespaceName"])
        _make_administrator(settings, properties["AdminUsername"], properties["AdminUserPassword"])
        return name, {"Namespace.NamespaceName": name}

    def make_workgroup(_: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        name = str(properties["WorkgroupName"])
        _note_port(settings)
        attributes = {
            "Workgroup.WorkgroupName": name,
            "Workgroup.WorkgroupArn": f"arn:aws:redshift-serverless:{REGION}:{get_account_id()}:workgroup/{name}",
            "Workgroup.Endpoint.Address": ports.HOST,
            "Workgroup.Endpoint.Port": str(settings.redshift_port),
        }
        return name, attributes

    def drop_workgroup(physical_id: str, properties: dict[str, Any]) -> None:
        # The database stays, as the data of the local cloud does.
        redshift_port_file(settings).unlink(missing_ok=True)

    def drop_namespace(physical_id: str, properties: dict[str, Any]) -> None:
        pass

    handlers = ((NAMESPACE, make_namespace, drop_namespace), (WORKGROUP, make_workgroup, drop_workgroup))
    for resource_type, make, drop in handlers:
        provisioners._RESOURCE_HANDLERS[resource_type] = {
            "create": make,
            "update": lambda physical_id, old, new, stack, make=make: make(physical_id, new, stack),
            "delete": drop,
        }


def _note_port(settings: Settings) -> None:
    file = redshift_port_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(settings.redshift_port))


def _make_administrator(settings: Settings, name: str, password: str) -> None:
    if name == USER:
        raise LocalCloudError(f"AdminUsername {USER} is the local superuser", "choose another in the template")
    with superuser(settings) as connection:
        # The local superuser acts as the master user of RDS, which may make no superuser.
        connection.run("set role none")
        known = connection.run("select from pg_roles where rolname = :name", name=name)
        command = (
            "alter role %I with login superuser password %L" if known else "create role %I login superuser password %L"
        )
        ((statement,),) = connection.run(
            f"select format('{command}', cast(:name as text), cast(:password as text))", name=name, password=password
        )
        connection.run(statement)
