"""The templates: valid, whole, and private by default."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from xtage.deploy import PROJECT
from xtage.deploy.package import TEMPLATES, nested_templates, template
from xtage.deploy.reading import read_template

DIRECTORY = PROJECT / TEMPLATES
FILES = sorted(DIRECTORY.glob("*.yaml"))


@cache
def described(path: Path) -> dict[str, Any]:
    """A template, read once for all tests: they change nothing in it."""
    return read_template(path)


def resources(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Name (with its file) and properties of every resource of a type, over all templates."""
    return [
        (f"{path.stem}.{name}", resource["Properties"])
        for path in FILES
        for name, resource in described(path)["Resources"].items()
        if resource["Type"] == kind
    ]


def statements() -> list[tuple[str, dict[str, Any]]]:
    """Every statement of every policy that a role is given."""
    found = []
    for name, properties in resources("AWS::IAM::Role"):
        found += [(name, policy["PolicyDocument"]) for policy in properties.get("Policies", [])]
    found += [(name, properties["PolicyDocument"]) for name, properties in resources("AWS::IAM::ManagedPolicy")]
    return [(name, meant(statement)) for name, document in found for statement in document["Statement"]]


def meant(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement, also where it is there on a condition only."""
    conditional: list[Any] = statement.get("Fn::If", [None, statement])
    return dict(conditional[1])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_parameter_is_described_and_stands_in_a_group(path: Path) -> None:
    template = described(path)
    parameters = template.get("Parameters", {})
    groups = template.get("Metadata", {}).get("AWS::CloudFormation::Interface", {}).get("ParameterGroups", [])
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(parameters)
    assert all("Description" in parameter for parameter in parameters.values())


def test_the_root_nests_every_template_but_the_artifacts_bucket() -> None:
    nested = nested_templates((DIRECTORY / "root.yaml").read_text())
    assert sorted([*nested, "root.yaml", "artifacts.yaml"]) == [path.name for path in FILES]


@pytest.mark.parametrize("path", sorted((DIRECTORY / "parameters").glob("*.json")), ids=lambda path: path.stem)
def test_a_stage_gives_only_parameters_that_exist(path: Path) -> None:
    given = json.loads(path.read_text())["Parameters"]
    assert set(given) <= set(described(DIRECTORY / "root.yaml")["Parameters"])
    assert all(isinstance(value, str) for value in given.values())


def test_deployed_stages_check_the_database_certificate() -> None:
    for stage in ("dev", "prod"):
        given = json.loads((DIRECTORY / "parameters" / f"{stage}.json").read_text())["Parameters"]
        assert "DatabaseTls" not in given
    assert described(DIRECTORY / "root.yaml")["Parameters"]["DatabaseTls"]["Default"] == "verify-full"


@pytest.mark.parametrize(
    ("name", "bucket"), resources("AWS::S3::Bucket"), ids=lambda value: value if isinstance(value, str) else ""
)
def test_buckets_are_encrypted_and_closed_to_the_public(name: str, bucket: dict[str, Any]) -> None:
    assert bucket["BucketEncryption"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4


def test_buckets_refuse_plain_http() -> None:
    policies = [properties["PolicyDocument"]["Statement"] for _, properties in resources("AWS::S3::BucketPolicy")]
    assert len(policies) == len(resources("AWS::S3::Bucket"))
    for first, *others in policies:
        assert first["Effect"] == "Deny"
        assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for other in others:
            assert {"aws:SourceArn", "aws:SourceAccount"} & other["Condition"]["StringEquals"].keys()


def test_the_database_is_private_and_encrypted_and_its_password_a_secret() -> None:
    ((_, database),) = resources("AWS::RDS::DBInstance")
    assert database["PubliclyAccessible"] is False
    assert database["StorageEncrypted"] is True
    assert "resolve:secretsmanager" in database["MasterUserPassword"]["Fn::Sub"]


def test_redshift_is_private_and_its_password_a_secret_and_connections_need_tls() -> None:
    ((_, workgroup),) = resources("AWS::RedshiftServerless::Workgroup")
    ((_, namespace),) = resources("AWS::RedshiftServerless::Namespace")
    assert workgroup["PubliclyAccessible"] is False
    assert {"ParameterKey": "require_ssl", "ParameterValue": "true"} in workgroup["ConfigParameters"]
    assert "resolve:secretsmanager" in namespace["AdminUserPassword"]["Fn::Sub"]


def test_passwords_hold_only_characters_that_databases_and_shells_take() -> None:
    generated = [secret["GenerateSecretString"] for _, secret in resources("AWS::SecretsManager::Secret")]
    punctuation = {chr(code) for code in range(33, 127) if not chr(code).isalnum()}
    assert [set(how["ExcludeCharacters"]) for how in generated] == [punctuation] * 3


def test_every_secret_is_rotated_by_the_function_that_may_change_its_password() -> None:
    """Also the one of a database that is not there by default."""
    rotated = [schedule["SecretId"] for _, schedule in resources("AWS::SecretsManager::RotationSchedule")]
    assert len(rotated) == len(resources("AWS::SecretsManager::Secret")) == 3
    (may_change,) = [
        statement for role, statement in statements() if "secretsmanager:PutSecretValue" in flat(statement["Action"])
    ]
    assert [meant(secret) if "Fn::If" in secret else secret for secret in may_change["Resource"]] == rotated


def test_no_secret_is_a_plain_environment_variable() -> None:
    ((_, project),) = resources("AWS::CodeBuild::Project")
    given = [variable.get("Fn::If", [None, variable])[1] for variable in project["Environment"]["EnvironmentVariables"]]
    variables = {variable["Name"]: variable for variable in given}
    login = {f"{database}_{part}" for database in ("RDS", "REDSHIFT") for part in ("USER", "PASSWORD", "DBNAME")}
    assert login <= set(variables)
    assert {variables[name]["Type"] for name in login} == {"SECRETS_MANAGER"}
    for _, function in resources("AWS::Lambda::Function"):
        assert not [name for name in function["Environment"]["Variables"] if "PASSWORD" in name]


def test_every_function_has_a_role_and_a_log_of_its_own() -> None:
    functions = resources("AWS::Lambda::Function")
    for key in ("Role", "Handler"):
        assert len({str(function[key]) for _, function in functions}) == len(functions)
    assert len({str(function["LoggingConfig"]["LogGroup"]) for _, function in functions}) == len(functions)
    assert all("RetentionInDays" in group for _, group in resources("AWS::Logs::LogGroup"))


@pytest.mark.parametrize("package", ["loaders", "api"])
def test_every_entry_of_a_package_is_a_function_and_every_function_an_entry(package: str) -> None:
    entries = {
        f"{package}.{path.stem}.{name}"
        for path in (PROJECT / package).glob("*.py")
        for name in re.findall(r"^def ([a-z]\w*)\(event: dict", path.read_text(), re.MULTILINE)
    }
    handlers = {function["Handler"] for _, function in resources("AWS::Lambda::Function")}
    assert {handler for handler in handlers if handler.startswith(f"{package}.")} == entries


def test_the_api_may_put_files_into_its_own_folders_only_and_asks_the_database_as_the_reader() -> None:
    of_the_api = [statement for name, statement in statements() if name == "api.ApiRole"]
    on_s3 = [statement for statement in of_the_api if any("s3:" in action for action in flat(statement["Action"]))]
    assert [statement["Resource"]["Fn::Sub"].rpartition(":::")[2] for statement in on_s3] == [
        "${RawBucketName}/raw/*/api/*"
    ]
    function = dict(resources("AWS::Lambda::Function"))["api.ApiFunction"]
    assert function["Environment"]["Variables"]["DATABASE_SECRET"] == {"Ref": "ReaderSecretArn"}


def test_every_way_into_the_api_but_its_description_asks_the_authorizer() -> None:
    methods = dict(resources("AWS::ApiGateway::Method"))
    open_to_all = {name for name, method in methods.items() if method["AuthorizationType"] == "NONE"}
    assert open_to_all == {"api.DocsMethod", "api.DocsAssetMethod", "api.DescriptionMethod"}
    others = [method for name, method in methods.items() if name not in open_to_all]
    assert others
    assert all((method["AuthorizationType"], method["ApiKeyRequired"]) == ("CUSTOM", True) for method in others)
    assert all(methods[name]["HttpMethod"] == "GET" for name in open_to_all)


def test_the_api_is_deployed_anew_when_its_template_changes() -> None:
    text = (DIRECTORY / "api.yaml").read_text()
    names = re.findall(r"^  (\w+):\n    Type: AWS::ApiGateway::Deployment", text, re.MULTILINE)
    assert names == ["DeploymentOfThisTemplate"]
    artifact = template(PROJECT, "api.yaml")
    made = artifact.read().decode()
    assert "DeploymentOfThisTemplate" not in made
    assert f"Deployment{Path(artifact.key).stem}:" in made


def test_what_a_deployment_of_the_api_copies_is_there_before_it() -> None:
    whole = described(DIRECTORY / "api.yaml")["Resources"]
    copied = {"AWS::ApiGateway::Method", "AWS::ApiGateway::GatewayResponse"}
    before = {name for name, resource in whole.items() if resource["Type"] in copied}
    assert set(whole["DeploymentOfThisTemplate"]["DependsOn"]) == before


# What Step Functions needs to write its log; IAM knows no narrower resource for them.
LOG_DELIVERY = {
    *(f"logs:{verb}LogDelivery" for verb in ("Create", "Delete", "Get", "Update")),
    *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
}


def test_only_what_knows_no_resource_is_allowed_on_every_one() -> None:
    wide = [
        (name, action)
        for name, statement in statements()
        if statement["Effect"] == "Allow" and "*" in flat(statement["Resource"])
        for action in flat(statement["Action"])
    ]
    of_the_log = {action for name, action in wide if name == "orchestration.StateMachineRole"}
    assert of_the_log == LOG_DELIVERY
    others = {action for name, action in wide if name != "orchestration.StateMachineRole"}
    assert others
    # Network interfaces, and what the agent of the tunnel host asks Session Manager.
    assert all(action.startswith(("ec2:", "ssmmessages:")) for action in others - {"ssm:UpdateInstanceInformation"})


def test_no_policy_allows_a_whole_service() -> None:
    allowed = [
        action
        for _, statement in statements()
        if statement["Effect"] == "Allow"
        for action in flat(statement["Action"])
    ]
    assert not [action for action in allowed if "*" in action]


def test_what_the_pipeline_writes_itself_starts_no_run() -> None:
    from loaders.contract import RESERVED_PREFIXES

    rules = dict(resources("AWS::Events::Rule"))
    (condition,) = rules["orchestration.DropRule"]["EventPattern"]["detail"]["object"]["key"]
    assert condition == {"anything-but": {"prefix": list(RESERVED_PREFIXES)}}


def test_the_network_has_private_subnets_in_three_zones_and_a_way_out_only_where_a_stage_asks_for_it() -> None:
    whole = described(DIRECTORY / "network.yaml")
    subnets = dict(resources("AWS::EC2::Subnet"))
    zones = [subnets[f"network.Subnet{letter}"]["AvailabilityZone"]["Fn::Select"][0] for letter in "ABC"]
    assert zones == [0, 1, 2]
    assert not [name for name, subnet in subnets.items() if subnet["MapPublicIpOnLaunch"]]
    out = ("AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::EC2::Route")
    ways = [resource["Condition"] for resource in whole["Resources"].values() if resource["Type"] in out]
    assert (len(ways), set(ways)) == (5, {"HasNat"})
    assert whole["Parameters"]["WayToAws"]["Default"] == "endpoints"


def test_nothing_is_let_in_from_outside_the_network_and_nothing_may_go_everywhere() -> None:
    for name, group in resources("AWS::EC2::SecurityGroup"):
        for rule in group.get("SecurityGroupIngress", []):
            assert set(rule) & {"SourceSecurityGroupId", "CidrIp", "CidrIpv6"} == {"SourceSecurityGroupId"}, name
        assert group["SecurityGroupEgress"], name
        assert all(rule["IpProtocol"] == "tcp" for rule in group["SecurityGroupEgress"]), name


def test_passwords_are_changed_where_a_stage_does_not_say_otherwise_and_one_key_can_hold_all_that_is_secret() -> None:
    for stage in ("dev", "prod"):
        given = json.loads((DIRECTORY / "parameters" / f"{stage}.json").read_text())["Parameters"]
        assert "PasswordRotationDays" not in given
    ((_, key),) = resources("AWS::KMS::Key")
    assert key["EnableKeyRotation"] is True
    kinds = ("AWS::SecretsManager::Secret", "AWS::RDS::DBInstance", "AWS::RedshiftServerless::Namespace")
    assert all("KmsKeyId" in properties for kind in kinds for _, properties in resources(kind))


def test_a_delivery_is_never_deleted_by_the_bucket_itself() -> None:
    bucket = dict(resources("AWS::S3::Bucket"))["storage.RawBucket"]
    rules = bucket["LifecycleConfiguration"]["Rules"]
    deleting = [rule for rule in rules if {"ExpirationInDays", "NoncurrentVersionExpiration"} & rule.keys()]
    assert {rule["Prefix"] for rule in deleting} == {"work/", "lake/", "artifacts/"}
    classes = {move["StorageClass"] for rule in rules for move in rule.get("Transitions", [])}
    assert classes == {"STANDARD_IA", "GLACIER_IR"}


def test_what_checkov_is_to_pass_over_is_told_with_the_reason() -> None:
    skipped = [
        (f"{path.stem}.{name}", one)
        for path in FILES
        for name, resource in described(path)["Resources"].items()
        for one in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skipped
    assert [name for name, one in skipped if len(one["comment"].split()) < 5] == []


def flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
