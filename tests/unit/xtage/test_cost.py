"""The estimate follows the templates, names what it counts, and hides nothing that it does not know."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from loaders.contract import load_contracts
from loaders.metrics import OF_FILES, OF_RUNS, OF_SWEEPS, UNITS
from xtage.cli import exit_code
from xtage.cost import PriceError, Volume, estimate, read_prices
from xtage.cost.estimate import Estimate, Line, per_gigabyte
from xtage.cost.meters import METERS
from xtage.cost.prices import DIRECTORY
from xtage.cost.volume import times_per_day
from xtage.deploy import PROJECT, stages
from xtage.deploy.package import TEMPLATES
from xtage.deploy.reading import read_template
from xtage.stages import REGION
from xtage.templates import Resource, stage_resources

PRICES = read_prices(REGION)
TEMPLATE_FILES = sorted((PROJECT / TEMPLATES).glob("*.yaml"))


def of_stage(stage: str, volume: Volume | None = None, **parameters: str) -> Estimate:
    return estimate(stage_resources(stage, parameters), volume or Volume(), PRICES)


def line(made: Estimate, name: str) -> Line:
    (found,) = [line for line in made.lines if line.resource.id == name]
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the templates and prices, to be changed at will."""
    shutil.copytree(PROJECT / "infra", tmp_path / "infra")
    return tmp_path


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: path.name)
def test_every_resource_type_is_priced_or_free_for_a_reason(path: Path) -> None:
    types = {resource["Type"] for resource in read_template(path)["Resources"].values()}
    unknown = sorted(types - set(METERS) - set(PRICES.free))
    assert unknown == [], "give it a meter in xtage/cost/meters.py, or say in infra/prices why it costs nothing"


def test_no_type_is_both_priced_and_free() -> None:
    assert set(METERS) & set(PRICES.free) == set()
    assert all(len(reason) > 10 for reason in PRICES.free.values())


@pytest.mark.parametrize("warehouse", ["rds", "both"])
@pytest.mark.parametrize("stage", stages())
def test_every_size_of_every_stage_has_a_price(stage: str, warehouse: str) -> None:
    made = of_stage(stage, Warehouse=warehouse)
    assert made.unpriced == []
    assert made.fixed > 0
    assert made.usage > 0
    assert made.total == pytest.approx(made.fixed + made.usage)


def test_every_price_has_a_page_and_a_date() -> None:
    for name, price in PRICES.prices.items():
        assert price.source.startswith("https://"), name
        assert price.read <= PRICES.read <= date.today(), name
        assert price.usd > 0, name
        assert price.per >= 1, name


def test_the_database_is_its_instance_and_its_storage() -> None:
    made = line(of_stage("dev"), "Database.Database")
    assert made.fixed == pytest.approx(730 * 0.032 + 20 * 0.115)
    assert made.usage == 0
    assert made.counted.startswith("db.t4g.small in one zone; 20 GiB gp3 that may grow to 100")


def test_a_standby_costs_the_same_again() -> None:
    alone = line(of_stage("dev"), "Database.Database").fixed
    assert line(of_stage("dev", MultiAZ="true"), "Database.Database").fixed == pytest.approx(2 * alone)


def test_an_endpoint_is_paid_in_each_of_its_zones_and_the_one_of_s3_not_at_all() -> None:
    made = of_stage("dev")
    zones = line(made, "Network.LogsEndpoint").fixed / (730 * 0.01)
    assert zones == pytest.approx(round(zones))
    assert "Network.S3Endpoint" in {resource.id for resource, _ in made.free}


def test_a_changed_template_changes_the_estimate(project: Path) -> None:
    before = estimate(stage_resources("dev", project=project), Volume(), PRICES)
    template = project / TEMPLATES / "loaders.yaml"
    text = template.read_text()
    assert "MemorySize: 512" in text
    template.write_text(text.replace("MemorySize: 512", "MemorySize: 1024"))
    after = estimate(stage_resources("dev", project=project), Volume(), PRICES)
    assert after.usage > before.usage
    assert after.fixed == pytest.approx(before.fixed)
    loads = [line(made, "Loaders.LoadFunction").usage for made in (before, after)]
    assert loads[1] > 1.5 * loads[0]


def test_a_second_warehouse_is_paid_by_use_only() -> None:
    made = of_stage("dev", Warehouse="both")
    warehouse = line(made, "Redshift.Workgroup")
    hours = 10 * 365 / 12 * 5 / 60 + 365 / 12
    assert warehouse.usage == pytest.approx(hours * 8 * 0.375)
    assert warehouse.fixed == 0
    assert "Redshift.Workgroup" not in {one.resource.id for one in of_stage("dev").lines}


def test_the_stages_own_metrics_are_those_that_the_loaders_tell_for_the_hours_in_which_they_do() -> None:
    feeds = len(load_contracts())
    figures = len(UNITS) + feeds * (len(OF_FILES) + len(OF_SWEEPS))
    assert f"{figures} metrics" in line(of_stage("dev"), "Monitoring.Dashboard").counted
    # Every hour brings a file of each feed: nothing costs more than every metric all the time.
    busy = line(of_stage("dev", Volume(files_per_day=24 * feeds, builds_per_day=24)), "Monitoring.Dashboard")
    assert busy.usage == pytest.approx(figures * 0.30)
    idle = line(of_stage("dev", Volume(files_per_day=0, builds_per_day=0)), "Monitoring.Dashboard")
    assert idle.usage == pytest.approx(((1 + feeds) * len(OF_SWEEPS) + len(OF_RUNS)) * 0.30)


def test_twice_the_builds_are_twice_the_build_minutes() -> None:
    once = line(of_stage("dev", Volume(builds_per_day=10)), "Dbt.BuildProject").usage
    assert line(of_stage("dev", Volume(builds_per_day=20)), "Dbt.BuildProject").usage == pytest.approx(2 * once)


def test_nothing_dropped_built_or_asked_leaves_what_is_fixed() -> None:
    idle = Volume(files_per_day=0, nested_files_per_day=0, builds_per_day=0, api_requests_per_day=0)
    made, usual = of_stage("dev", idle), of_stage("dev")
    assert made.fixed == pytest.approx(usual.fixed)
    # The sweep runs, and finds nothing.
    assert 0 < made.usage < usual.usage


def test_the_sweep_costs_as_often_as_the_template_says() -> None:
    idle = Volume(files_per_day=0, nested_files_per_day=0, builds_per_day=0, api_requests_per_day=0)
    seldom = line(of_stage("dev", idle, SweepSchedule="rate(1 hour)"), "Orchestration.StateMachine").usage
    often = line(of_stage("dev", idle, SweepSchedule="rate(15 minutes)"), "Orchestration.StateMachine").usage
    assert often == pytest.approx(4 * seldom)


@pytest.mark.parametrize(
    ("schedule", "times"),
    [("rate(15 minutes)", 96), ("rate(1 hour)", 24), ("rate(2 days)", 0.5), ("cron(0 * * * ? *)", 24)],
)
def test_a_schedule_is_counted_by_the_day(schedule: str, times: float) -> None:
    assert times_per_day(schedule) == times


def test_a_gigabyte_more_costs_its_storage_and_its_loading() -> None:
    resources = stage_resources("dev")
    gigabyte = per_gigabyte(resources, Volume(), PRICES)
    storage = 1.5 * 12 * 0.023
    assert storage < gigabyte < 2 * storage
    assert per_gigabyte(resources, Volume(files_per_day=0), PRICES) == 0


def test_a_type_that_the_table_does_not_know_is_reported_and_left_out() -> None:
    made = estimate([Resource("Root", "Rocket", "AWS::GroundStation::Config", {})], Volume(), PRICES)
    assert [(resource.id, missing) for resource, missing in made.unpriced] == [
        ("Root.Rocket", "AWS::GroundStation::Config")
    ]
    assert made.total == 0


def test_a_size_that_the_table_does_not_know_is_reported_and_the_rest_counted() -> None:
    made = of_stage("dev", InstanceClass="db.x99.huge")
    assert [(resource.id, missing) for resource, missing in made.unpriced] == [
        ("Database.Database", "rds.instance.db.x99.huge")
    ]
    assert line(made, "Database.Database").fixed == pytest.approx(20 * 0.115)


def test_prices_that_no_page_was_found_for_are_named() -> None:
    assert "rds.instance.db.m7g.large" in of_stage("prod").unverified
    assert "rds.instance.db.m7g.large" not in of_stage("dev").unverified


def test_a_function_whose_calls_nobody_counted_says_so() -> None:
    function = Resource("Root", "New", "AWS::Lambda::Function", {"Handler": "new.handle", "MemorySize": 1024})
    made = estimate([function], replace(Volume(), builds_per_day=1), PRICES)
    assert "(assumed: once a run)" in made.lines[0].counted


def test_the_calls_of_every_function_of_the_project_are_counted() -> None:
    made = of_stage("prod", Warehouse="both")
    assert [line.resource.id for line in made.lines if "once a run" in line.counted] == []


def test_a_region_without_prices_is_an_error_that_names_those_with() -> None:
    with pytest.raises(PriceError, match="no prices of eu-north-1, only of us-east-1"):
        read_prices("eu-north-1")


@pytest.mark.parametrize(
    "entry",
    ["{usd: 1, unit: hour, charged: sometimes, source: x}", "{usd: 1, unit: hour, charged: fixed}", "{usd: much}"],
    ids=["charged", "no source", "no number"],
)
def test_a_price_that_lacks_something_is_an_error_that_names_the_file(project: Path, entry: str) -> None:
    (project / DIRECTORY / "mars.yaml").write_text(
        f"region: mars\nread: 2026-01-01\nfree: {{}}\nprices:\n  x: {entry}\n"
    )
    with pytest.raises(PriceError, match=r"mars\.yaml cannot be read"):
        read_prices("mars", project)


def test_the_command_tells_a_line_for_each_resource_and_the_sums(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["cost", "--stage", "dev"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "stage dev, region us-east-1" in told.out
    assert "Database.Database" in told.out
    made = of_stage("dev")
    assert f"total {made.total:,.2f}: {made.fixed:,.2f} fixed, {made.usage:,.2f} by usage" in told.out


def test_the_command_as_json_has_every_resource_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["cost", "--stage", "prod", "--set", "Warehouse=both", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    resources = [f"{one['stack']}.{one['resource']}" for one in told["lines"]]
    resources += [one["resource"] for one in told["free"]]
    assert sorted(resources) == sorted(one.id for one in stage_resources("prod", {"Warehouse": "both"}))
    assert told["total"] == pytest.approx(told["fixed"] + told["usage"], abs=0.011)
    assert told["unpriced"] == []


def test_what_is_not_in_the_sums_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["cost", "--stage", "dev", "--set", "InstanceClass=db.x99.huge"]) == 0
    assert capsys.readouterr().err == (
        "xtage: Database.Database is not in the sums: the table of us-east-1 has no price for "
        "rds.instance.db.x99.huge\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--stage", "nowhere"], 2, "not one of"),
        (["--stage", "dev", "--set", "InstanceClass"], 2, "is not NAME=VALUE"),
        (["--stage", "dev", "--files-per-day", "-1"], 2, "-1"),
        (["--stage", "dev", "--set", "Sise=large"], 1, "root.yaml has no parameter Sise"),
        (["--stage", "dev", "--region", "mars"], 1, "there are no prices of mars"),
    ],
    ids=["stage", "pair", "negative", "parameter", "region"],
)
def test_what_cannot_be_asked_is_told_in_a_line(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["cost", *arguments]) == code
    assert said in capsys.readouterr().err
