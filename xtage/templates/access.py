"""Who can reach what, as tables of Markdown, made from the rendered templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xtage.templates.permissions import ROLE, SECRET, Deployment, Grant, is_in_network, listed
from xtage.templates.rendering import Resource, references

_MARKER = re.compile(r"<\w+\.(\w+)(?:\.[\w.]+)?>")
_ARN = re.compile(r"arn:aws:[\w-]*:[\w-]*:[^:]*:")
_READ_SECRET = "secretsmanager:GetSecretValue"


def roles_table(deployment: Deployment) -> str:
    """Each role: who acts with it, whether that is in the network, and each statement of its policies."""
    rows = []
    for role in deployment.of_type(ROLE):
        users = deployment.users(role)
        statements = [_told(grant) for grant in deployment.grants(role)]
        statements += [f"AWS's policy {name}" for name in deployment.managed_by_aws(role)]
        rows.append((role.id, _used_by(role, users), "<br>".join(statements)))
    return _table(("role", "who acts with it", "may"), rows)


def credentials_table(deployment: Deployment) -> str:
    """Each secret: what it opens, who may read it, and how often it is changed."""
    rows = []
    for secret in deployment.of_type(SECRET):
        opens = ", ".join(database.id for database in deployment.opened_by(secret)) or "see its description"
        readers = [role.id for role in deployment.of_type(ROLE) if _reads(deployment, role, secret)]
        described = str(secret.properties.get("Description", ""))
        rows.append((secret.id, described, opens, ", ".join(readers) or "nobody", _rotation(deployment, secret)))
    return _table(("secret", "is", "opens", "roles that may read it", "changed"), rows)


def ports_table(deployment: Deployment) -> str:
    """Each way in that a security group leaves open; whatever is not here is closed."""
    rows: list[tuple[str, str, str]] = []
    alone = deployment.of_type("AWS::EC2::SecurityGroupIngress")
    for group in deployment.of_type("AWS::EC2::SecurityGroup"):
        own = group.properties.get("SecurityGroupIngress", [])
        rules = [*own, *(rule.properties for rule in alone if group.id in references(rule.properties["GroupId"]))]
        rows.extend((group.id, _source(rule), _ports(rule)) for rule in rules)
        if not rules:
            rows.append((group.id, "nobody", ""))
    return _table(("security group", "lets in", "on"), rows)


def paths_table(deployment: Deployment) -> str:
    """Each path of the API, and what a caller needs for it."""
    rows = []
    for method in deployment.of_type("AWS::ApiGateway::Method"):
        resource = next(references(method.properties["ResourceId"]), "")
        kind = method.properties["AuthorizationType"]
        needs = "a key (header x-api-key), which the authorizer knows" if kind == "CUSTOM" else _plain(kind)
        function = next(references(method.properties["Integration"].get("Uri", "")), "")
        rows.append((f"{method.properties['HttpMethod']} {_path(deployment, resource)}", needs, function))
    return _table(("path", "needs", "answered by"), sorted(rows))


def _plain(kind: str) -> str:
    return "nothing" if kind == "NONE" else kind


def _path(deployment: Deployment, name: str) -> str:
    resource = deployment.by_id.get(name)
    if resource is None or resource.type != "AWS::ApiGateway::Resource":
        return ""
    parent = next(references(resource.properties["ParentId"]), "")
    return f"{_path(deployment, parent)}/{resource.properties['PathPart']}"


def _used_by(role: Resource, users: list[Resource]) -> str:
    if users:
        return ", ".join(f"{user.id}{' (in the network)' if is_in_network(user) else ''}" for user in users)
    statements = listed(role.properties["AssumeRolePolicyDocument"]["Statement"])
    principals = [names for statement in statements for names in statement["Principal"].values()]
    trusted = [str(name) for names in principals for name in listed(names)]
    return ", ".join(trusted)


def _reads(deployment: Deployment, role: Resource, secret: Resource) -> bool:
    return any(
        grant.effect == "Allow"
        and _READ_SECRET in grant.actions
        and any(deployment.secret_behind(name) == secret for name in references(list(grant.resources)))
        for grant in deployment.grants(role)
    )


def _rotation(deployment: Deployment, secret: Resource) -> str:
    for rotation in deployment.of_type("AWS::SecretsManager::RotationSchedule"):
        named = references(rotation.properties["SecretId"])
        if secret in [deployment.secret_behind(name) for name in named]:
            rules = rotation.properties.get("RotationRules", {})
            return str(rules.get("ScheduleExpression") or f"every {rules.get('AutomaticallyAfterDays')} days")
    return "by hand"


def _told(grant: Grant) -> str:
    actions: dict[str, list[str]] = {}
    for action in grant.actions:
        service, _, verb = action.partition(":")
        actions.setdefault(service, []).append(verb or "*")
    said = "; ".join(f"{service}: {', '.join(verbs)}" for service, verbs in actions.items())
    where = ", ".join(f"`{_shortened(resource)}`" for resource in grant.resources)
    never = "**never** " if grant.effect == "Deny" else ""
    return f"{never}{said} on {where}{_only_if(grant.condition)}"


def _only_if(condition: Mapping[str, Any]) -> str:
    parts = [
        f"{key} {'is' if 'Like' not in operator else 'like'} {', '.join(_shortened(str(one)) for one in listed(value))}"
        for operator, tests in condition.items()
        for key, value in tests.items()
    ]
    return f", if {' and '.join(parts)}" if parts else ""


def _shortened(arn: str) -> str:
    return _MARKER.sub(r"\1", _ARN.sub("", arn)).removeprefix("arn:aws:s3:::")


def _source(rule: Mapping[str, Any]) -> str:
    named = rule.get("SourceSecurityGroupId") or rule.get("CidrIp") or rule.get("SourcePrefixListId") or "?"
    return next(references(named), str(named))


def _ports(rule: Mapping[str, Any]) -> str:
    first, last = rule.get("FromPort", "every port"), rule.get("ToPort", "every port")
    return f"{rule['IpProtocol']} {first}" if first == last else f"{rule['IpProtocol']} {first} to {last}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines.extend(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return "\n".join(lines) + "\n"
