"""What is counted of each resource type, and at which price.

A meter takes a resource's rendered properties and the month's usage, and gives what AWS would meter. What cannot be
known is assumed, and the text beside the sum says so. Free allowances of an account are left out: they are the
account's, not the stage's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xtage.cost.figures import metric_hours
from xtage.cost.functions import function
from xtage.cost.volume import DAYS, HOURS, Usage

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Item:
    """So much of one price. `counted` is shown; empty where another item of the resource says it."""

    price: str
    quantity: float
    counted: str = ""


Meter = Callable[[Properties, Usage], list[Item]]

# The DPUs of a worker: https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
_DPUS = {"G.025X": 0.25, "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8, "R.1X": 1, "R.2X": 2}

# Assumptions, each of which the estimate names beside its sum.
_LOG_GIGABYTES = 0.05
_FLOW_GIGABYTES = 1.0
_OTHER_BUCKET_GIGABYTES = 1.0
_NOTIFICATIONS = 30
_ANSWER_BYTES = 10_000


def _database(of: Properties, usage: Usage) -> list[Item]:
    copies = 2 if _is_true(of.get("MultiAZ")) else 1
    size, largest = float(of["AllocatedStorage"]), of.get("MaxAllocatedStorage")
    kind = of.get("StorageType", "gp2")
    storage = f"{size:g} GiB {kind}" + (f" that may grow to {largest}" if largest else "")
    where = "in two zones" if copies == 2 else "in one zone"
    return [
        Item(f"rds.instance.{of['DBInstanceClass']}", HOURS * copies, f"{of['DBInstanceClass']} {where}"),
        Item(f"rds.storage.{kind}", size * copies, f"{storage}; backups up to its size are free"),
    ]


def _endpoint(of: Properties, usage: Usage) -> list[Item]:
    if of.get("VpcEndpointType", "Gateway") == "Gateway":
        return []
    zones = len(of["SubnetIds"])
    service = str(of["ServiceName"]).rpartition(".")[2]
    gigabytes = _network_gigabytes(usage)
    return [
        Item("vpc.endpoint.hour", HOURS * zones, f"{service} in {zones} zone{'' if zones == 1 else 's'}"),
        Item("vpc.endpoint.gb", gigabytes, f"{gigabytes:.2g} GB through it (assumed)"),
    ]


def _nat_gateway(of: Properties, usage: Usage) -> list[Item]:
    gigabytes = _network_gigabytes(usage)
    counted = f"{gigabytes:.2g} GB through it (assumed: S3 has a way of its own)"
    return [Item("vpc.nat.hour", HOURS, "all hours"), Item("vpc.nat.gb", gigabytes, counted)]


def _address(of: Properties, usage: Usage) -> list[Item]:
    return [Item("vpc.ipv4.hour", HOURS, "one public address")]


def _instance(of: Properties, usage: Usage) -> list[Item]:
    disks = [disk.get("Ebs", {}).get("VolumeSize", 8) for disk in of.get("BlockDeviceMappings", [])] or [8]
    size = sum(float(disk) for disk in disks)
    return [
        Item(f"ec2.instance.{of['InstanceType']}", HOURS, f"{of['InstanceType']}, all hours"),
        Item("ec2.storage.gp3", size, f"{size:g} GiB gp3"),
    ]


def _flow_log(of: Properties, usage: Usage) -> list[Item]:
    return [Item("logs.vended.gb", _FLOW_GIGABYTES, f"{_FLOW_GIGABYTES:g} GB of records (assumed)")]


def _bucket(of: Properties, usage: Usage) -> list[Item]:
    sends_events = "EventBridgeConfiguration" in of.get("NotificationConfiguration", {})
    if not sends_events:
        counted = f"{_OTHER_BUCKET_GIGABYTES:g} GB (assumed)"
        return [Item("s3.storage.gb", _OTHER_BUCKET_GIGABYTES, counted)]
    kept = usage.kept_gigabytes * 1.5
    return [
        Item("s3.storage.gb", kept, f"{kept:,.1f} GB after {usage.volume.months:g} months, lake and results included"),
        Item("s3.put", usage.objects_written, f"{usage.objects_written:,.0f} objects written"),
        Item("s3.get", usage.objects_read, f"{usage.objects_read:,.0f} read"),
        Item("eventbridge.optin", usage.objects_written, "each written one told to EventBridge"),
    ]


def _function(of: Properties, usage: Usage) -> list[Item]:
    calls, seconds, basis = function(str(of.get("Handler", "")), usage)
    memory = float(of.get("MemorySize", 128)) / 1024
    architecture = "arm" if "arm64" in of.get("Architectures", []) else "x86"
    counted = f"{calls:,.0f} calls of {seconds:,.2g} s with {memory:.2g} GiB{basis}"
    return [Item("lambda.request", calls, counted), Item(f"lambda.{architecture}.gbs", calls * seconds * memory)]


def _state_machine(of: Properties, usage: Usage) -> list[Item]:
    # The states of pipeline.asl.json on each way: a drop that joins a run, a run, a flat file, a nested one.
    kind = str(of.get("StateMachineType", "STANDARD")).lower()
    states = 7 * usage.files + 14 * usage.runs + 8 * usage.builds + 3 * usage.flat_files + 5 * usage.nested_files
    counted = f"{states:,.0f} states entered in {usage.executions:,.0f} executions"
    return [Item(f"states.{kind}.transition", states, counted)]


def _job(of: Properties, usage: Usage) -> list[Item]:
    is_publish = "publish" in str(of.get("Name", ""))
    # Glue bills a minute at least; starting counts too.
    runs, minutes = (usage.builds, 1.5) if is_publish else (usage.nested_files, 1 + usage.megabytes_per_file / 600)
    dpus = int(of["NumberOfWorkers"]) * _DPUS[of["WorkerType"]]
    counted = f"{runs:,.0f} runs of {minutes:.2g} min (assumed) with {dpus:g} DPU"
    return [Item("glue.dpu.hour", runs * minutes / 60 * dpus, counted)]


def _build_project(of: Properties, usage: Usage) -> list[Item]:
    targets = 2 if usage.has_redshift else 1
    size = of["Environment"]["ComputeType"]
    minutes = usage.builds * targets * usage.volume.build_minutes
    counted = f"{usage.builds * targets:,.0f} builds of {usage.volume.build_minutes:g} min, {size}"
    return [Item(f"codebuild.{size}.minute", minutes, counted)]


def _secret(of: Properties, usage: Usage) -> list[Item]:
    calls = usage.executions + usage.files
    return [Item("secret.month", 1, "one secret"), Item("secret.call", calls, f"{calls:,.0f} readings (assumed)")]


def _key(of: Properties, usage: Usage) -> list[Item]:
    calls = usage.objects_written + usage.objects_read
    return [Item("kms.key.month", 1, "one key"), Item("kms.request", calls, f"{calls:,.0f} uses (assumed)")]


def _log_group(of: Properties, usage: Usage) -> list[Item]:
    days = float(of.get("RetentionInDays", 365))
    counted = f"{_LOG_GIGABYTES * 1000:g} MB (assumed), kept for {days:g} days"
    kept = _LOG_GIGABYTES * days / DAYS
    return [Item("logs.write.gb", _LOG_GIGABYTES, counted), Item("logs.keep.gb", kept)]


def _trail(of: Properties, usage: Usage) -> list[Item]:
    events = usage.objects_written + usage.objects_read
    counted = f"{events:,.0f} readings and writings of objects; the first copy of management events is free"
    return [Item("cloudtrail.data.event", events, counted)]


def _rest_api(of: Properties, usage: Usage) -> list[Item]:
    gigabytes = usage.requests * _ANSWER_BYTES / 1e9
    return [
        Item("apigateway.rest.request", usage.requests, f"{usage.requests:,.0f} requests"),
        Item("transfer.out.gb", gigabytes, f"answers of {_ANSWER_BYTES / 1000:g} kB (assumed)"),
    ]


def _table(of: Properties, usage: Usage) -> list[Item]:
    counted = f"{usage.requests:,.0f} keys looked up at most; a few kB are kept"
    return [Item("dynamodb.ondemand.read", usage.requests, counted)]


def _warehouse(of: Properties, usage: Usage) -> list[Item]:
    hours = usage.builds * usage.volume.build_minutes / 60 + usage.volume.query_hours_per_day * DAYS
    capacity = float(of.get("BaseCapacity", 128))
    return [Item("redshift.rpu.hour", hours * capacity, f"{hours:,.0f} h of builds and queries with {capacity:g} RPU")]


def _warehouse_storage(of: Properties, usage: Usage) -> list[Item]:
    kept = usage.kept_gigabytes
    return [Item("redshift.storage.gb", kept, f"{kept:,.1f} GB after {usage.volume.months:g} months")]


def _alarm(of: Properties, usage: Usage) -> list[Item]:
    metrics = [metric["MetricStat"]["Metric"] for metric in of.get("Metrics", []) if "MetricStat" in metric]
    namespaces = [str(metric.get("Namespace", "")) for metric in metrics] or [str(of.get("Namespace", ""))]
    return [Item("cloudwatch.alarm", len(namespaces), f"metrics watched: {len(namespaces)}")]


def _dashboard(of: Properties, usage: Usage) -> list[Item]:
    """The dashboard, and what it shows: no resource stands for the metrics that come out of the functions' logs."""
    count, hours = metric_hours(usage)
    counted = f"{count} metrics of the stage's own, each for the hours in which it is told, {hours:,.0f} at most"
    return [Item("cloudwatch.dashboard", 1, "one dashboard"), Item("cloudwatch.metric", hours / HOURS, counted)]


def _topic(of: Properties, usage: Usage) -> list[Item]:
    return [Item("sns.email", _NOTIFICATIONS, f"{_NOTIFICATIONS} e-mails (assumed)")]


def _queue(of: Properties, usage: Usage) -> list[Item]:
    return [Item("sqs.request", 1000, "1,000 requests (assumed)")]


def _one(price: str, counted: str) -> Meter:
    return lambda of, usage: [Item(price, 1, counted)]


def _network_gigabytes(usage: Usage) -> float:
    # Secrets and build logs: a tenth of a megabyte for an execution, one for a build. S3 has a way of its own.
    return (0.1 * usage.executions + usage.builds) / 1000


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


METERS: Mapping[str, Meter] = {
    "AWS::ApiGateway::RestApi": _rest_api,
    "AWS::CloudTrail::Trail": _trail,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _one("cloudwatch.composite", "one composite alarm"),
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::CodeBuild::Project": _build_project,
    "AWS::DynamoDB::Table": _table,
    "AWS::EC2::EIP": _address,
    "AWS::EC2::FlowLog": _flow_log,
    "AWS::EC2::Instance": _instance,
    "AWS::EC2::NatGateway": _nat_gateway,
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::Glue::Job": _job,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Function": _function,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _one("cloudwatch.metric", "one metric of the stage's own"),
    "AWS::RDS::DBInstance": _database,
    "AWS::RedshiftServerless::Namespace": _warehouse_storage,
    "AWS::RedshiftServerless::Workgroup": _warehouse,
    "AWS::S3::Bucket": _bucket,
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": _queue,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::StepFunctions::StateMachine": _state_machine,
}
