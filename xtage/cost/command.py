"""`xtage cost`: what a stage would cost a month."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from xtage.console import say, show, table, warn
from xtage.cost.estimate import Estimate, Line, estimate, per_gigabyte
from xtage.cost.prices import Prices, read_prices
from xtage.cost.volume import Volume
from xtage.deploy.deployment import stages
from xtage.deploy.options import parameters_option
from xtage.stages import REGION
from xtage.templates import stage_resources

_USUAL = Volume()
# Less than half a cent is shown as nothing: such lines are told together.
_SHOWN = 0.005


@click.command("cost", short_help="Estimate what a stage costs a month on AWS.")
@click.option("--stage", required=True, type=click.Choice(stages()), help="A file of infra/cloudformation/parameters.")
@parameters_option
@click.option("--files-per-day", type=click.FloatRange(0), default=_USUAL.files_per_day, show_default=True)
@click.option("--bytes-per-file", type=click.FloatRange(0), default=_USUAL.bytes_per_file, show_default=True)
@click.option(
    "--nested-files-per-day",
    type=click.FloatRange(0),
    default=_USUAL.nested_files_per_day,
    show_default=True,
    help="Those of the files that go by way of Glue.",
)
@click.option("--builds-per-day", type=click.FloatRange(0), default=_USUAL.builds_per_day, show_default=True)
@click.option("--build-minutes", type=click.FloatRange(0), default=_USUAL.build_minutes, show_default=True)
@click.option(
    "--api-requests-per-day", type=click.FloatRange(0), default=_USUAL.api_requests_per_day, show_default=True
)
@click.option(
    "--query-hours-per-day",
    type=click.FloatRange(0),
    default=_USUAL.query_hours_per_day,
    show_default=True,
    help="Hours in which people ask Redshift, where there is one.",
)
@click.option(
    "--months",
    type=click.FloatRange(0),
    default=_USUAL.months,
    show_default=True,
    help="Months of files in the bucket.",
)
@click.option("--region", default=REGION, show_default=True, help="A file of infra/prices.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(stage: str, parameters: dict[str, str], region: str, form: str, **volume: float) -> None:
    """Estimate what a stage costs a month on AWS, in US dollars, from its templates.

    Fills the stage's parameters into the templates, counts what each resource would meter with the given volume, and
    multiplies by the prices of infra/prices, each of which names the page it was read on. Asks AWS nothing and needs no
    credentials. Taxes, support, discounts and the free allowances of an account are left out.

    \b
    Examples:
      xtage cost --stage dev
      xtage cost --stage prod --files-per-day 500 --bytes-per-file 50000000 --builds-per-day 24
      xtage cost --stage prod --set Warehouse=both --set InstanceClass=db.t4g.medium
      xtage cost --stage dev --format json
    """
    prices = read_prices(region)
    resources = stage_resources(stage, parameters, region=region)
    asked = Volume(**volume)
    made = estimate(resources, asked, prices)
    gigabyte = per_gigabyte(resources, asked, prices)
    if form == "json":
        say(json.dumps(_document(stage, asked, prices, made, gigabyte), indent=2))
    else:
        _print(stage, asked, prices, made, gigabyte)
    for resource, missing in made.unpriced:
        warn(f"xtage: {resource.id} is not in the sums: the table of {region} has no price for {missing}")


def _print(stage: str, volume: Volume, prices: Prices, made: Estimate, gigabyte: float) -> None:
    say(f"stage {stage}, region {prices.region}, prices read by {prices.read}, US dollars a month")
    said = (f"{name.replace('_', ' ')} {value:,.10g}" for name, value in asdict(volume).items())
    say(f"{', '.join(said)}\n")
    shown = [line for line in made.lines if line.fixed + line.usage >= _SHOWN]
    small = [line for line in made.lines if line.fixed + line.usage < _SHOWN]
    rows = [_row(line) for line in shown]
    if small:
        rows.append((f"{len(small)} others", "", "less than half a cent each", *_sums(small)))
    rows.append(("all", "", "", _money(made.fixed), _money(made.usage)))
    show(table(("resource", "type", "what is counted", "fixed", "usage"), rows, numbers=("fixed", "usage")))
    say(f"\ntotal {_money(made.total)}: {_money(made.fixed)} fixed, {_money(made.usage)} by usage")
    say(f"one gigabyte more a month, kept as long: {_money(gigabyte)}")
    say(f"{len(made.free)} resources cost nothing by themselves; --format json tells why")
    if made.unverified:
        say(f"prices that no page was found for (see their source): {', '.join(made.unverified)}")


def _row(line: Line) -> tuple[str, ...]:
    kind = line.resource.type.removeprefix("AWS::")
    return (line.resource.id, kind, line.counted, _money(line.fixed), _money(line.usage))


def _sums(lines: list[Line]) -> tuple[str, str]:
    return _money(sum(line.fixed for line in lines)), _money(sum(line.usage for line in lines))


def _money(dollars: float) -> str:
    return f"{dollars:,.2f}"


def _document(stage: str, volume: Volume, prices: Prices, made: Estimate, gigabyte: float) -> dict[str, Any]:
    return {
        "stage": stage,
        "region": prices.region,
        "currency": "USD",
        "prices_read": prices.read.isoformat(),
        "volume": asdict(volume),
        "lines": [
            {
                "stack": line.resource.stack,
                "resource": line.resource.name,
                "type": line.resource.type,
                "counted": line.counted,
                "fixed": round(line.fixed, 4),
                "usage": round(line.usage, 4),
            }
            for line in made.lines
        ],
        "free": [{"resource": one.id, "type": one.type, "reason": reason} for one, reason in made.free],
        "unpriced": [{"resource": one.id, "type": one.type, "missing": name} for one, name in made.unpriced],
        "unverified_prices": made.unverified,
        "fixed": round(made.fixed, 2),
        "usage": round(made.usage, 2),
        "per_gigabyte": round(gigabyte, 4),
        "total": round(made.total, 2),
    }
