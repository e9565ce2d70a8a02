"""An RDS instance in a template is the embedded PostgreSQL."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pg8000.dbapi
import pytest

from localcloud.aws import Aws
from localcloud.postgres import Postgres

TEMPLATE = {
    "Resources": {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.1.0/24"}},
        "Subnets": {
            "Type": "AWS::RDS::DBSubnetGroup",
            "Properties": {"DBSubnetGroupDescription": "test", "SubnetIds": [{"Ref": "Subnet"}]},
        },
        "Parameters": {
            "Type": "AWS::RDS::DBParameterGroup",
            "Properties": {"Description": "x", "Family": "postgres16", "Parameters": {"rds.force_ssl": "1"}},
        },
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "GenerateSecretString": {
                    "SecretStringTemplate": '{"username": "owner"}',
                    "GenerateStringKey": "password",
                    "ExcludeCharacters": '"@/\\',
                }
            },
        },
        "Database": {
            "Type": "AWS::RDS::DBInstance",
            "Properties": {
                "DBName": "xtage",
                "Engine": "postgres",
                "Port": "5432",
                "DBInstanceClass": "db.t4g.micro",
                "AllocatedStorage": "20",
                "MasterUsername": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:username}}"},
                "MasterUserPassword": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"},
                "DBSubnetGroupName": {"Ref": "Subnets"},
                "DBParameterGroupName": {"Ref": "Parameters"},
            },
        },
        "Attachment": {
            "Type": "AWS::SecretsManager::SecretTargetAttachment",
            "Properties": {
                "SecretId": {"Ref": "Secret"},
                "TargetId": {"Ref": "Database"},
                "TargetType": "AWS::RDS::DBInstance",
            },
        },
    },
    "Outputs": {
        "Address": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Address"]}},
        "Port": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Port"]}},
        "Secret": {"Value": {"Ref": "Secret"}},
    },
}


@dataclass
class Deployed:
    outputs: dict[str, str]
    secret: dict[str, Any]

    def connect(self) -> pg8000.dbapi.Connection:
        secret = self.secret
        return pg8000.dbapi.connect(
            secret["username"], secret["host"], secret["dbname"], secret["port"], secret["password"]
        )


@pytest.fixture(scope="module")
def deployed(aws: Aws) -> Iterator[Deployed]:
    formation = aws.client("cloudformation")
    name = f"database-{uuid.uuid4().hex[:8]}"
    formation.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE))
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    described = formation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described}
    secret = aws.client("secretsmanager").get_secret_value(SecretId=outputs["Secret"])["SecretString"]
    yield Deployed(outputs, json.loads(secret))
    formation.delete_stack(StackName=name)


def test_endpoint_is_the_embedded_server(deployed: Deployed, postgres: Postgres) -> None:
    assert deployed.outputs["Address"] == "127.0.0.1"
    assert deployed.outputs["Port"] == str(postgres.settings.postgres_port)


def test_secret_holds_what_a_client_needs_to_connect(deployed: Deployed, postgres: Postgres) -> None:
    rest = {name: value for name, value in deployed.secret.items() if name != "password"}
    port = postgres.settings.postgres_port
    assert rest == {"username": "owner", "engine": "postgres", "host": "127.0.0.1", "port": port, "dbname": "xtage"}


def test_master_user_owns_the_database_and_is_no_superuser(deployed: Deployed) -> None:
    cursor = deployed.connect().cursor()
    cursor.execute("select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user")
    assert cursor.fetchone() == [False, True, True]
    cursor.execute("create schema made_by_master")
    cursor.execute("create role made_by_master")


def test_tables_made_by_hand_belong_to_the_master_user(deployed: Deployed, postgres: Postgres) -> None:
    connection = postgres.connect()
    cursor = connection.cursor()
    cursor.execute("create table public.by_hand (a int)")
    connection.commit()
    cursor = deployed.connect().cursor()
    cursor.execute("select tableowner from pg_tables where tablename = 'by_hand'")
    assert cursor.fetchone() == ["owner"]
    cursor.execute("drop table public.by_hand")
