"""The architecture as a Mermaid flowchart, made from the rendered templates.

A node is all resources of one type in one stack, those in the network apart from the others. An arrow says what the
templates let the one do to the other: what a role allows, what a rule starts, what the API calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xtage.templates.permissions import Deployment, is_in_network
from xtage.templates.rendering import ARTIFACTS, Resource, references

# The kinds of resources that are shown: what they are called, and the brackets that draw them.
SHOWN: Mapping[str, tuple[str, str]] = {
    "AWS::ApiGateway::RestApi": ("API Gateway", "([])"),
    "AWS::CloudTrail::Trail": ("CloudTrail", "[]"),
    "AWS::CloudWatch::Alarm": ("CloudWatch alarms", "[]"),
    "AWS::CloudWatch::CompositeAlarm": ("CloudWatch composite alarms", "[]"),
    "AWS::CloudWatch::Dashboard": ("CloudWatch dashboard", "[]"),
    "AWS::CodeBuild::Project": ("CodeBuild", "[]"),
    "AWS::DynamoDB::Table": ("DynamoDB", "[()]"),
    "AWS::EC2::Instance": ("EC2 host", "[]"),
    "AWS::EC2::NatGateway": ("NAT gateway", "[]"),
    "AWS::EC2::VPCEndpoint": ("VPC endpoints", "[]"),
    "AWS::Events::Rule": ("EventBridge rules", "[]"),
    "AWS::Glue::Database": ("Glue Data Catalog", "[()]"),
    "AWS::Glue::Job": ("Glue jobs", "[]"),
    "AWS::KMS::Key": ("KMS", "[]"),
    "AWS::Lambda::Function": ("Lambda", "[]"),
    "AWS::Logs::LogGroup": ("CloudWatch Logs", "[]"),
    "AWS::RDS::DBInstance": ("RDS PostgreSQL", "[()]"),
    "AWS::RedshiftServerless::Workgroup": ("Redshift Serverless", "[()]"),
    "AWS::S3::Bucket": ("S3", "[()]"),
    "AWS::SNS::Topic": ("SNS", "([])"),
    "AWS::SQS::Queue": ("SQS", "[]"),
    "AWS::Scheduler::Schedule": ("EventBridge schedules", "[]"),
    "AWS::SecretsManager::Secret": ("Secrets Manager", "[]"),
    "AWS::StepFunctions::StateMachine": ("Step Functions", "[]"),
}

# Settings and parts of what is shown.
LEFT_OUT = frozenset(
    {
        "AWS::ApiGateway::Account",
        "AWS::ApiGateway::Authorizer",
        "AWS::ApiGateway::Deployment",
        "AWS::ApiGateway::GatewayResponse",
        "AWS::ApiGateway::Method",
        "AWS::ApiGateway::Resource",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::UsagePlan",
        "AWS::CloudFormation::Stack",
        "AWS::EC2::EIP",
        "AWS::EC2::FlowLog",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::Route",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::Glue::SecurityConfiguration",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::Logs::MetricFilter",
        "AWS::Logs::ResourcePolicy",
        "AWS::RDS::DBParameterGroup",
        "AWS::RDS::DBSubnetGroup",
        "AWS::RedshiftServerless::Namespace",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::SecretsManager::RotationSchedule",
        "AWS::SecretsManager::SecretTargetAttachment",
    }
)

# Every function and job has a log, and everything encrypted has a key: their arrows would say nothing.
_LOGS = "AWS::Logs::LogGroup"
_WITHOUT_ARROWS = (_LOGS, "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::EC2::VPCEndpoint")
_NAMES_SHOWN = 14
_NAMES_PER_LINE = 3

_ACTING = {
    "AWS::CloudTrail::Trail": [("S3BucketName", "writes"), ("AdvancedEventSelectors", "watches")],
    "AWS::CloudWatch::Alarm": [("AlarmActions", "notifies"), ("Dimensions", "watches"), ("Metrics", "watches")],
    "AWS::CloudWatch::CompositeAlarm": [("AlarmActions", "notifies")],
}

# What actions begin with.
_STARTING = ("Invoke", "Start")
_WRITING = ("Put", "Create", "Update", "Delete", "BatchCreate", "Send")
_READING = ("Get", "List", "Describe", "BatchGet")


@dataclass(frozen=True)
class _Node:
    stack: str
    type: str
    in_network: bool


def picture(deployment: Deployment) -> str:
    """The flowchart, as Mermaid's text."""
    nodes: dict[_Node, list[Resource]] = {}
    for resource in deployment.resources:
        if resource.type in SHOWN and resource.stack != ARTIFACTS:
            nodes.setdefault(_node(resource), []).append(resource)
    numbers = {node: f"n{number}" for number, node in enumerate(nodes)}
    lines = ["flowchart LR", "  callers([callers])"]
    for stack in dict.fromkeys(node.stack for node in nodes):
        lines.append(f'  subgraph {stack}["{stack}"]')
        inside = [(node, found) for node, found in nodes.items() if node.stack == stack]
        lines.extend(f"    {_drawn(numbers[node], node, found)}" for node, found in inside)
        lines.append("  end")
    lines.extend(f"  callers -->|HTTPS| {numbers[node]}" for node in nodes if node.type == "AWS::ApiGateway::RestApi")
    lines.extend(_arrows(deployment, numbers))
    lines.append("  classDef network stroke-width:3px")
    in_network = ",".join(number for node, number in numbers.items() if node.in_network)
    if in_network:
        lines.append(f"  class {in_network} network")
    return "\n".join(lines) + "\n"


def _node(resource: Resource) -> _Node:
    # One box for the logs of all: beside each function there would be nothing else to see.
    stack = "Logs" if resource.type == _LOGS else resource.stack
    return _Node(stack, resource.type, is_in_network(resource))


def _drawn(number: str, node: _Node, resources: list[Resource]) -> str:
    label, brackets = SHOWN[node.type]
    names = [resource.name.removesuffix("Function") for resource in resources]
    said = [", ".join(names[at : at + _NAMES_PER_LINE]) for at in range(0, len(names), _NAMES_PER_LINE)]
    if len(names) > _NAMES_SHOWN:
        said = [f"{len(names)} of them"]
    half = len(brackets) // 2
    return f'{number}{brackets[:half]}"{"<br/>".join([label, *said])}"{brackets[half:]}'


def _arrows(deployment: Deployment, numbers: Mapping[_Node, str]) -> Iterator[str]:
    words: dict[tuple[str, str], dict[str, None]] = {}
    for source, word, target in _relations(deployment):
        start, end = (numbers.get(_node(resource)) for resource in (source, target))
        if start and end and start != end and target.type not in _WITHOUT_ARROWS:
            words.setdefault((start, end), {})[word] = None
    for (start, end), said in words.items():
        # Kinds in alphabetical order: "reads" before "writes", whichever a role names first.
        yield f"  {start} -->|{', '.join(sorted(said))}| {end}"


def _relations(deployment: Deployment) -> Iterator[tuple[Resource, str, Resource]]:
    for resource in deployment.resources:
        yield from _own_relations(deployment, resource)
    for role, user in deployment.role_of():
        for grant in deployment.grants(role):
            if grant.effect != "Allow":
                continue
            words = _words(grant.actions)
            for named in references(list(grant.resources)):
                secret = deployment.secret_behind(named)
                for database in deployment.opened_by(secret) if secret else ():
                    yield user, "SQL", database
                for word in words if named in deployment.by_id else ():
                    yield _shown(deployment, user), word, deployment.by_id[named]


def _own_relations(deployment: Deployment, resource: Resource) -> Iterator[tuple[Resource, str, Resource]]:
    """What a resource's own properties say, where no role has to allow it."""
    for word, value in _named(resource):
        for named in references(value):
            yield resource, word, deployment.by_id[named]
    if resource.type == "AWS::Events::Rule":
        for named in references(resource.properties.get("EventPattern", {})):
            yield deployment.by_id[named], "events", resource
    if resource.type in ("AWS::ApiGateway::Method", "AWS::ApiGateway::Authorizer"):
        api = deployment.by_id[next(references(resource.properties["RestApiId"]))]
        for named in references([resource.properties.get(part, {}) for part in ("Integration", "AuthorizerUri")]):
            yield api, "calls", deployment.by_id[named]


def _named(resource: Resource) -> Iterator[tuple[str, Any]]:
    """The properties that name what a resource acts on, each with what it does."""
    for name, word in _ACTING.get(resource.type, []):
        yield word, resource.properties.get(name, [])
    # Of rules and of schedules: what they start, and where an event goes that could not start it.
    for target in [*resource.properties.get("Targets", []), resource.properties.get("Target", {})]:
        yield "starts", target.get("Arn", "")
        yield "undelivered", target.get("DeadLetterConfig", {})


def _shown(deployment: Deployment, user: Resource) -> Resource:
    """What stands in the picture for a resource: a namespace of Redshift acts for its workgroup."""
    if user.type != "AWS::RedshiftServerless::Namespace":
        return user
    workgroups = deployment.of_type("AWS::RedshiftServerless::Workgroup")
    return next((one for one in workgroups if user.id in references(one.properties)), user)


def _words(actions: tuple[str, ...]) -> list[str]:
    verbs = {action.rpartition(":")[2] for action in actions}
    if any(verb.startswith(_STARTING) for verb in verbs):
        return ["starts"]
    if "Publish" in verbs:
        return ["notifies"]
    kinds = {"reads": _READING, "writes": _WRITING}
    return [word for word, beginnings in kinds.items() if any(verb.startswith(beginnings) for verb in verbs)]
