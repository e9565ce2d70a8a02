"""What the documents say of the templates is what the templates say."""

import re
import shlex
from pathlib import Path

import click
import pytest

from xtage.cli import xtage
from xtage.deploy import PROJECT
from xtage.deploy.package import TEMPLATES
from xtage.deploy.reading import read_template
from xtage.templates import __main__ as command
from xtage.templates.__main__ import EVERYTHING, STAGE, documents
from xtage.templates.errors import TemplateError
from xtage.templates.permissions import ROLE, SECRET, Deployment
from xtage.templates.picture import LEFT_OUT, SHOWN, picture
from xtage.templates.rendering import ARTIFACTS, ROOT, STACK, Resource, stage_resources

DOCUMENTS = [Path("docs/architecture.md"), Path("docs/security.md")]
TEMPLATE_FILES = sorted((PROJECT / TEMPLATES).glob("*.yaml"))


def stack_of(path: Path) -> str:
    """The name of the stack that a template makes."""
    nested = read_template(path.with_name("root.yaml"))["Resources"].items()
    names = {one["Properties"]["TemplateURL"]: name for name, one in nested if one["Type"] == STACK}
    return {**names, "root.yaml": ROOT, "artifacts.yaml": ARTIFACTS}[path.name]


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    """What the documents tell of."""
    return Deployment(stage_resources(STAGE, EVERYTHING))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_documents_are_up_to_date(path: Path) -> None:
    assert (PROJECT / path).read_text() == documents()[path], "run `python -m xtage.templates`"


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: path.name)
def test_every_resource_type_is_in_the_picture_or_left_out_of_it_on_purpose(path: Path) -> None:
    types = {resource["Type"] for resource in read_template(path)["Resources"].values()}
    assert sorted(types - set(SHOWN) - LEFT_OUT) == [], "draw it or leave it out in xtage/templates/picture.py"
    assert set(SHOWN) & LEFT_OUT == set()


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: path.name)
def test_the_security_document_names_every_role_and_every_secret(path: Path) -> None:
    text = (PROJECT / "docs" / "security.md").read_text()
    rows = set(re.findall(r"^\| (\w+\.\w+) \|", text, re.MULTILINE))
    described = read_template(path)["Resources"]
    named = {f"{stack_of(path)}.{name}" for name, one in described.items() if one["Type"] in (ROLE, SECRET)}
    assert sorted(named - rows) == [], (
        "is a parameter that makes it missing in EVERYTHING of xtage/templates/__main__.py?"
    )


def test_every_role_is_used_by_somebody(deployment: Deployment) -> None:
    idle = [role.id for role in deployment.of_type(ROLE) if not deployment.users(role)]
    assert idle == []


def test_a_role_that_is_only_named_is_not_acted_with(deployment: Deployment) -> None:
    (copies,) = [role for role in deployment.of_type(ROLE) if role.id == "Redshift.CopyRole"]
    # The loaders pass its ARN on to Redshift.
    assert [user.id for user in deployment.users(copies)] == ["Redshift.Namespace"]


def test_secrets_are_led_back_to_their_databases_and_readers() -> None:
    text = documents()[Path("docs/security.md")]
    (reader,) = re.findall(r"^\| Database\.ReaderSecret \|.*$", text, re.MULTILINE)
    assert "Database.Database" in reader
    assert "Api.ApiRole" in reader
    (admin,) = re.findall(r"^\| Database\.DatabaseSecret \|.*$", text, re.MULTILINE)
    assert "Api.ApiRole" not in admin
    assert "Dbt.BuildRole" in admin


def test_the_open_paths_of_the_api_are_named_as_such() -> None:
    text = documents()[Path("docs/security.md")]
    assert "| GET /v1/openapi.json | nothing | Api.ApiFunction |" in text
    assert re.search(r"^\| ANY /\{proxy\+\} \| a key", text, re.MULTILINE)


def test_the_picture_shows_the_way_of_a_file(deployment: Deployment) -> None:
    drawn = picture(deployment)

    def number(kind: str, name: str) -> str:
        (found,) = re.findall(rf'^ +(n\d+)\W+"{kind}<br/>.*\b{name}\b', drawn, re.MULTILINE)
        return str(found)

    bucket, rules = number("S3", "RawBucket"), number("EventBridge rules", "DropRule")
    machine, loaders = number("Step Functions", "StateMachine"), number("Lambda", "OpenRun")
    database, build = number("RDS PostgreSQL", "Database"), number("CodeBuild", "BuildProject")
    trail, api = number("CloudTrail", "Trail"), number("API Gateway", "RestApi")
    for start, word, end in [
        (bucket, "events", rules),
        (rules, "starts", machine),
        (machine, "starts", loaders),
        (machine, "starts", build),
        (loaders, "SQL", database),
        (build, "SQL", database),
        (trail, "watches", bucket),
        ("callers", "HTTPS", api),
    ]:
        arrows = re.findall(rf"^  {start} -->\|(.*)\| {end}$", drawn, re.MULTILINE)
        assert any(word in said for said in arrows), (start, word, end)


def arrows(*resources: Resource) -> list[str]:
    """The arrows between resources, by their names."""
    drawn = picture(Deployment(resources))
    names = dict(re.findall(r'^ +(n\d+)\W+"[^<]+<br/>(\w+)"', drawn, re.MULTILINE))
    found = re.findall(r"^  (n\d+) -->\|(.*)\| (n\d+)$", drawn, re.MULTILINE)
    return sorted(f"{names[start]} {word} {names[end]}" for start, word, end in found)


def test_what_a_rule_starts_is_told_from_where_its_failures_go() -> None:
    target = {"Arn": "<A.Machine>", "RoleArn": "<A.Role.Arn>", "DeadLetterConfig": {"Arn": "<A.Queue.Arn>"}}
    assert arrows(
        Resource("A", "Rule", "AWS::Events::Rule", {"Targets": [target]}),
        Resource("A", "Sweep", "AWS::Scheduler::Schedule", {"Target": target}),
        Resource("A", "Machine", "AWS::StepFunctions::StateMachine", {}),
        Resource("A", "Queue", "AWS::SQS::Queue", {}),
    ) == ["Rule starts Machine", "Rule undelivered Queue", "Sweep starts Machine", "Sweep undelivered Queue"]


def test_alarms_watch_and_notify_and_so_may_whoever_publishes() -> None:
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": "<A.Topic>"}
    policy = {"PolicyName": "tell", "PolicyDocument": {"Statement": publish}}
    alarm = {"AlarmActions": ["<A.Topic>"], "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "<A.Database>"}]}
    assert arrows(
        Resource("A", "Alarm", "AWS::CloudWatch::Alarm", alarm),
        Resource("A", "Database", "AWS::RDS::DBInstance", {}),
        Resource("A", "Topic", "AWS::SNS::Topic", {}),
        Resource("A", "Role", ROLE, {"Policies": [policy]}),
        Resource("A", "Load", "AWS::Lambda::Function", {"Role": "<A.Role.Arn>"}),
    ) == ["Alarm notifies Topic", "Alarm watches Database", "Load notifies Topic"]


def test_a_document_without_the_place_of_a_part_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "infra").symlink_to(PROJECT / "infra")
    (tmp_path / "docs").mkdir()
    for name in ("architecture.md", "security.md"):
        (tmp_path / "docs" / name).write_text("# Nothing yet\n")
    with pytest.raises(TemplateError, match=r"architecture\.md has no place for picture"):
        documents(tmp_path)


def test_checking_changes_nothing_and_fails_when_a_document_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "infra").symlink_to(PROJECT / "infra")
    (tmp_path / "docs").mkdir()
    for name in ("architecture.md", "security.md"):
        text = (PROJECT / "docs" / name).read_text()
        (tmp_path / "docs" / name).write_text(text.replace("CloudTrail", "Nothing").replace("Api.ApiRole", "Nobody"))
    old = (tmp_path / "docs" / "security.md").read_text()
    monkeypatch.setattr(command, "PROJECT", tmp_path)
    monkeypatch.setattr(command, "documents", lambda: documents(tmp_path))
    assert command.main(["--check"]) == 1
    assert "docs/security.md is out of date" in capsys.readouterr().out
    assert (tmp_path / "docs" / "security.md").read_text() == old
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0


def commands() -> list[str]:
    """Every call of xtage in the blocks of docs/deploying.md."""
    text = (PROJECT / "docs" / "deploying.md").read_text()
    blocks = [block for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) if not language]
    return sorted({call.strip() for block in blocks for call in re.findall(r"xtage [^)\n&]+", block)})


@pytest.mark.parametrize("call", commands())
def test_what_the_document_on_deploying_tells_to_type_is_understood(call: str) -> None:
    asked: click.Command | None = xtage
    _, *words = shlex.split(call)
    while isinstance(asked, click.Group):
        asked = asked.get_command(click.Context(asked), words.pop(0))
    assert asked is not None
    asked.make_context("xtage", words)


@pytest.mark.parametrize(
    "path", sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]), ids=lambda path: path.name
)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
