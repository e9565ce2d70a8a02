"""`xtage status`: where the local cloud answers and how the pipeline stands."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from botocore.exceptions import EndpointConnectionError

from loaders.contract import Freshness, load_contracts
from localcloud.aws import Aws
from localcloud.postgres import Postgres
from localcloud.redshift.launcher import Redshift
from localcloud.settings import Settings
from xtage import ledger
from xtage.console import pairs, say, show, table
from xtage.errors import OperatorError
from xtage.local_key import local_key
from xtage.stages import REGION, api_url, find_stage, local_environment

RUNS_SHOWN = 5


@click.command("status", short_help="Show addresses, last runs, and each feed's deliveries.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(form: str) -> None:
    """Show where the local cloud answers, its last runs, and each feed's freshness.

    \b
    Freshness, against the contract: fresh; late (past the warning age); stale (past the error age); never delivered.

    \b
    Examples:
      xtage status
      xtage status --format json | python3 -c 'import json, sys; print(json.load(sys.stdin)["rds_dsn"])'

    Exit code 0 also when the local cloud is down; `running` in the JSON tells.
    """
    status = read_status(Settings.from_environment(), datetime.now(UTC))
    if form == "json":
        say(json.dumps(status, indent=2, default=_json))
    else:
        _print(status)


def read_status(settings: Settings, now: datetime) -> dict[str, Any]:
    """Everything `--format json` gives; what a stopped part would know is null or empty."""
    postgres, aws, redshift = Postgres(settings), Aws(settings), Redshift(settings)
    running = {"postgres": postgres.is_running(), "aws": aws.is_running(), "redshift": redshift.is_running()}
    environment = local_environment(settings)
    outputs = _outputs() if running["aws"] else {}
    return {
        "running": running,
        "rds_dsn": postgres.dsn,
        "redshift_dsn": redshift.dsn if running["redshift"] else None,
        "redshift_ca": str(redshift.authority) if running["redshift"] else None,
        "s3_endpoint": aws.endpoint,
        "aws_endpoint": aws.endpoint,
        "region": REGION,
        "credentials": {name.lower(): environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")},
        "raw_bucket": outputs.get("RawBucketName"),
        "state_machine_arn": outputs.get("StateMachineArn"),
        "api_url": api_url(settings, outputs),
        "api_key": local_key(settings),
        "home": str(settings.home),
        **(
            _pipeline(now) if running["postgres"] else {"runs": [], "feeds": [], "deliveries": {}, "unified_rows": None}
        ),
    }


def freshness(delivered_at: datetime | None, promised: Freshness, now: datetime) -> str:
    """fresh, late, stale or never."""
    if delivered_at is None:
        return "never"
    age = now - delivered_at
    if age > timedelta(hours=promised.error_after_hours):
        return "stale"
    return "late" if age > timedelta(hours=promised.warn_after_hours) else "fresh"


def _outputs() -> Mapping[str, str]:
    try:
        return find_stage().outputs
    except (OperatorError, EndpointConnectionError):
        # The embedded AWS runs, but `xtage up` is still at work or was interrupted before it deployed.
        return {}


def _pipeline(now: datetime) -> dict[str, Any]:
    totals = ledger.feed_totals()
    feeds = []
    for name, contract in load_contracts().items():
        total = totals.get(name)
        feeds.append(
            {
                "feed": name,
                "last_delivered_at": total.last_delivered_at if total else None,
                "freshness": freshness(total.last_delivered_at if total else None, contract.freshness, now),
                "loads": total.loads if total else 0,
                "records_read": total.records_read if total else 0,
                "records_loaded": total.records_loaded if total else 0,
                "records_rejected": total.records_rejected if total else 0,
            }
        )
    return {
        "runs": [asdict(run) for run in ledger.latest_runs(RUNS_SHOWN)],
        "feeds": feeds,
        "deliveries": {
            status: [asdict(delivery) | {"reason": delivery.reason} for delivery in ledger.deliveries_with(status)]
            for status in ("pending", "failed", "unrecognized")
        },
        "unified_rows": ledger.unified_rows(),
    }


def _json(value: object) -> str:
    assert isinstance(value, datetime)
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _print(status: dict[str, Any]) -> None:
    running = status["running"]
    parts = ", ".join(f"{name} {'running' if up else 'not running'}" for name, up in running.items())
    say(f"{parts}{'' if running['postgres'] and running['aws'] else '; start with `xtage up`'}")
    places = [
        ("PostgreSQL", status["rds_dsn"]),
        ("AWS and S3", f"{status['aws_endpoint']}  region {REGION}, access key test, secret key test"),
        ("raw bucket", status["raw_bucket"] or "not deployed"),
        ("API", status["api_url"] or "not deployed"),
        *_redshift(status),
        ("data and logs", status["home"]),
        ("unified rows", f"{status['unified_rows']:,}" if status["unified_rows"] is not None else "not built yet"),
    ]
    show(pairs(places))
    _print_feeds(status)
    _print_runs(status)
    for kind, deliveries in status["deliveries"].items():
        for delivery in deliveries:
            say(f"{kind}: {delivery['reason']}")


def _redshift(status: dict[str, Any]) -> list[tuple[str, str]]:
    if not status["running"]["redshift"]:
        return []
    return [
        ("Redshift", status["redshift_dsn"]),
        ("", f"a protocol and dialect harness; SSL_CERT_FILE={status['redshift_ca']}"),
    ]


def _print_feeds(status: dict[str, Any]) -> None:
    columns = ("feed", "freshness", "last delivery (UTC)", "loads", "read", "landed", "rejected")
    fields = ("freshness", "last_delivered_at", "loads", "records_read", "records_loaded", "records_rejected")
    rows = [(feed["feed"], *(_cell(feed[field]) for field in fields)) for feed in status["feeds"]]
    if rows:
        say("")
        show(table(columns, rows, numbers=columns[3:]))


def _print_runs(status: dict[str, Any]) -> None:
    columns = ("run", "status", "started (UTC)", "seconds", "error")
    rows = [
        (run["run_id"], run["status"], _cell(run["started_at"]), _seconds(run), run["error"]) for run in status["runs"]
    ]
    if rows:
        say("")
        show(table(columns, rows, numbers=("run", "seconds")))


def _cell(value: object) -> object:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value


def _seconds(run: dict[str, Any]) -> int | None:
    return round((run["finished_at"] - run["started_at"]).total_seconds()) if run["finished_at"] else None
