"""The templates are read as CloudFormation reads them, with a stage's parameters."""

from pathlib import Path

import pytest

from xtage.deploy import PROJECT, DeployError, stages
from xtage.deploy.package import TEMPLATES
from xtage.templates import Resource, TemplateError, references, stage_resources

ROOT = """
Parameters:
  Stage: {Type: String}
  ArtifactBucketName: {Type: String}
  LayerKey: {Type: String, Default: ""}
  WheelhouseKey: {Type: String, Default: ""}
  Size: {Type: String, Default: small}
Mappings:
  Sizes:
    small: {gigabytes: 20}
    large: {gigabytes: 200}
Conditions:
  IsLarge: !Equals [!Ref Size, large]
  IsSmall: !Not [!Condition IsLarge]
  IsSmallDev: !And [!Condition IsSmall, !Equals [!Ref Stage, trial]]
  IsEither: !Or [!Condition IsLarge, !Condition IsSmall]
Resources:
  Network:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: network.yaml
      Parameters: {Block: 10.0.0.0/22}
  Queue:
    Type: AWS::SQS::Queue
    Condition: IsSmallDev
    Properties:
      QueueName: !Sub "${Stage}-${!literal}-${AWS::Region}-${Network.Outputs.SubnetIds}"
      Tags: !If [IsLarge, [], !Ref AWS::NoValue]
      Delay: !FindInMap [Sizes, !Ref Size, gigabytes]
      Policy: [!GetAtt Network.Outputs.First, !If [IsLarge, here, !Ref AWS::NoValue]]
      Second: !Select [1, !Split ["-", one-two]]
  Topic:
    Type: AWS::SNS::Topic
    Condition: IsLarge
"""
NETWORK = """
Parameters:
  Block: {Type: String}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
Resources:
  SubnetA:
    Type: AWS::EC2::Subnet
    Properties:
      CidrBlock: !Select [0, !Cidr [!Ref Block, 4, 8]]
      AvailabilityZone: !Select [2, !GetAZs ""]
      Names: !Ref Zones
  SubnetB:
    Type: AWS::EC2::Subnet
    Properties:
      CidrBlock: !Select [3, !Cidr [!Ref Block, 4, 8]]
      UserData: !Base64 plain
Outputs:
  SubnetIds: {Value: !Join [",", [!Ref SubnetA, !Ref SubnetB]]}
  First: {Value: !GetAtt SubnetA.Arn}
"""
ARTIFACTS = """
Resources:
  ArtifactBucket: {Type: AWS::S3::Bucket}
Outputs:
  ArtifactBucketName: {Value: !Ref ArtifactBucket}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two small stacks, with a stage `trial`."""
    directory = tmp_path / TEMPLATES
    (directory / "parameters").mkdir(parents=True)
    (directory / "root.yaml").write_text(ROOT)
    (directory / "network.yaml").write_text(NETWORK)
    (directory / "artifacts.yaml").write_text(ARTIFACTS)
    (directory / "parameters" / "trial.json").write_text('{"Parameters": {}}')
    return tmp_path


def by_id(resources: list[Resource]) -> dict[str, Resource]:
    return {resource.id: resource for resource in resources}


def test_functions_conditions_and_nested_stacks_are_resolved(project: Path) -> None:
    made = by_id(stage_resources("trial", region="eu-central-1", project=project))
    assert set(made) == {
        *("Artifacts.ArtifactBucket", "Root.Network", "Root.Queue"),
        *("Network.SubnetA", "Network.SubnetB"),
    }
    assert made["Root.Queue"].properties == {
        "QueueName": "trial-${literal}-eu-central-1-<Network.SubnetA>,<Network.SubnetB>",
        "Delay": 20,
        "Policy": ["<Network.SubnetA.Arn>"],
        "Second": "two",
    }
    assert made["Network.SubnetA"].properties == {
        "CidrBlock": "10.0.0.0/24",
        "AvailabilityZone": "eu-central-1c",
        "Names": ["a", "b"],
    }
    assert made["Network.SubnetB"].properties == {"CidrBlock": "10.0.3.0/24", "UserData": "plain"}


def test_a_parameter_decides_what_is_made(project: Path) -> None:
    made = by_id(stage_resources("trial", {"Size": "large"}, project=project))
    assert "Root.Topic" in made
    assert "Root.Queue" not in made


def test_a_value_tells_which_resources_it_refers_to(project: Path) -> None:
    queue = by_id(stage_resources("trial", project=project))["Root.Queue"]
    assert list(references(queue.properties)) == ["Network.SubnetA", "Network.SubnetB", "Network.SubnetA"]


def test_a_parameter_that_does_not_exist_is_an_error_that_names_those_that_do(project: Path) -> None:
    with pytest.raises(TemplateError, match=r"root\.yaml has no parameter Sise; the parameters it has are .*Size"):
        stage_resources("trial", {"Sise": "large"}, project=project)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("!Ref Nothing", "refers to Nothing"),
        ("!GetAtt Nothing.Arn", "refers to Nothing"),
        ("!GetAtt Network.Outputs.Nothing", "no output Nothing"),
        ("!ImportValue elsewhere", "Fn::ImportValue is not known"),
    ],
    ids=["ref", "attribute", "output", "function"],
)
def test_what_cannot_be_resolved_is_an_error_and_not_a_guess(project: Path, line: str, said: str) -> None:
    root = project / TEMPLATES / "root.yaml"
    root.write_text(ROOT.replace('!Select [1, !Split ["-", one-two]]', line))
    with pytest.raises(TemplateError, match=said):
        stage_resources("trial", project=project)


@pytest.mark.parametrize("stage", stages())
def test_every_stage_of_the_project_is_rendered_with_nothing_left_to_resolve(stage: str) -> None:
    made = stage_resources(stage, {"Warehouse": "both"})
    known = set(by_id(made))
    assert len(known) > 100
    for resource in made:
        assert set(references(resource.properties)) <= known, resource.id
        assert "Fn::" not in str(resource.properties), resource.id


def test_a_deployed_stage_has_its_packages_and_the_local_one_brings_its_own() -> None:
    assert "Loaders.PackagesLayer" in by_id(stage_resources("dev"))
    assert "Loaders.PackagesLayer" not in by_id(stage_resources("local"))


def test_an_unknown_stage_is_an_error() -> None:
    with pytest.raises(DeployError, match="no stage 'nowhere'"):
        stage_resources("nowhere", project=PROJECT)
