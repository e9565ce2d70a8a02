"""The process of the embedded AWS: kept over stop and start, repaired after a crash, nothing left behind."""

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from localcloud import ports
from localcloud.aws import Aws, patches
from localcloud.errors import LocalCloudError
from localcloud.settings import PROJECT, Settings
from tests.infra.localcloud.conftest import Cloud, task, wait_until
from tests.infra.localcloud.test_builds import inline


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cloud]:
    """An embedded AWS of its own, for a test that ends it."""
    settings = Settings(tmp_path, ports.free_port(), postgres_password="x", aws_port=ports.free_port(), project=PROJECT)
    server = Aws(settings)
    server.start()
    try:
        yield Cloud(server)
    finally:
        server.stop()


def server_process(cloud: Cloud) -> psutil.Process:
    return psutil.Process(int((cloud.aws.home / "server.lock").read_text()))


def kill(cloud: Cloud) -> None:
    process = server_process(cloud)
    process.kill()
    process.wait(10)
    assert not cloud.aws.is_running()


def started_by(cloud: Cloud) -> list[psutil.Process]:
    """Every process that the server has started."""
    return server_process(cloud).children(recursive=True)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def hold(cloud: Cloud) -> tuple[str, str]:
    """An execution in the middle of a Lambda function, and one in the middle of a build."""
    slow = cloud.function("import time\ndef handler(event, context): time.sleep(300)", Timeout=600)
    build = inline(cloud, "sleep 86304")
    start = {"Type": "Task", "Resource": "arn:aws:states:::codebuild:startBuild.sync", "End": True}
    in_function = cloud.start(cloud.machine({"Slow": task(slow)}))
    in_build = cloud.start(cloud.machine({"Build": start | {"Arguments": {"ProjectName": build}}}))

    def both() -> bool:
        commands = [" ".join(process.cmdline()) for process in started_by(cloud)]
        return any("lambda_worker" in command for command in commands) and "sleep 86304" in commands

    wait_until(both, "the function and the build")
    return in_function, in_build


def test_every_seam_of_ministack_is_where_the_patches_expect_it() -> None:
    assert patches.missing_seams() == []


def test_moved_seam_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "SEAMS", ("services.stepfunctions:_moved", "services.moved:name"))
    assert patches.missing_seams() == ["services.stepfunctions:_moved", "services.moved:name"]


def test_listens_on_the_loopback_address_and_on_one_port_only(own: Cloud) -> None:
    own.invoke(own.function("def handler(event, context): pass"))
    processes = [server_process(own), *started_by(own)]
    listening = [c for p in processes for c in p.net_connections("all") if c.status == psutil.CONN_LISTEN]
    assert [(c.laddr.ip, c.laddr.port) for c in listening] == [(ports.HOST, own.aws.settings.aws_port)]


def test_second_start_is_refused(own: Cloud) -> None:
    with pytest.raises(LocalCloudError, match=r"already running.*xtage down"):
        own.aws.start()
    own.aws.client("s3").list_buckets()


def test_taken_port_is_named_with_its_variable(own: Cloud, tmp_path: Path) -> None:
    other = Aws(replace(own.aws.settings, home=tmp_path / "other"))
    with pytest.raises(LocalCloudError, match=f"{own.aws.settings.aws_port}.*XTAGE_AWS_PORT"):
        other.start()


def test_stopping_what_does_not_run_changes_nothing(tmp_path: Path) -> None:
    Aws(Settings(tmp_path / "none", 1, "x", 1, PROJECT)).stop()
    assert not (tmp_path / "none").exists()


def test_stop_ends_every_function_and_build_under_it(own: Cloud) -> None:
    hold(own)
    processes = [server_process(own), *started_by(own)]
    own.aws.stop()
    assert not own.aws.is_running()
    wait_until(lambda: not any(is_alive(process) for process in processes), "the end of all processes", 10)


def test_everything_deployed_is_kept_over_stop_and_start(own: Cloud) -> None:
    function = own.function("def handler(event, context): return 'kept'")
    machine = own.machine({"Call": task(function)})
    before = own.finished(own.start(machine))
    own.aws.stop()
    own.aws.start()
    after = own.describe(before["executionArn"])
    assert [after[name] for name in ("status", "output", "stopDate")] == ["SUCCEEDED", '"kept"', before["stopDate"]]
    assert own.finished(own.start(machine))["output"] == '"kept"'


def test_killed_server_leaves_no_process_and_keeps_what_was_written(own: Cloud) -> None:
    s3 = own.aws.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    versions = [s3.put_object(Bucket="kept", Key="raw/x.csv", Body=body)["VersionId"] for body in (b"1", b"22")]
    in_function, in_build = hold(own)
    saved = own.aws.home / "state" / "stepfunctions.json"
    wait_until(lambda: saved.exists() and in_build in saved.read_text(), "the saving of the state")
    processes = started_by(own)
    kill(own)
    wait_until(lambda: not any(is_alive(process) for process in processes), "the end of all processes", 10)
    own.aws.start()
    for execution in (in_function, in_build):
        assert own.describe(execution)["status"] == "ABORTED"
    listed = s3.list_object_versions(Bucket="kept")["Versions"]
    assert [version["VersionId"] for version in listed] == versions[::-1]
    assert s3.get_object(Bucket="kept", Key="raw/x.csv", VersionId=versions[0])["Body"].read() == b"1"
    assert own.finished(own.start(own.machine({"Done": {"Type": "Succeed"}})))["status"] == "SUCCEEDED"


def test_stop_ends_a_server_that_does_not_react(own: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.aws.launcher.STOP_SECONDS", 1.0)
    process = server_process(own)
    process.suspend()
    own.aws.stop()
    assert not is_alive(process)


def test_other_postgres_port_than_the_deployed_one_is_refused(own: Cloud) -> None:
    own.aws.stop()
    (own.aws.home / "postgres-port").write_text("1234")
    with pytest.raises(LocalCloudError, match=r"XTAGE_POSTGRES_PORT to 1234"):
        own.aws.start()


def test_interrupt_of_the_starting_command_does_not_reach_the_server(own: Cloud) -> None:
    """A terminal's Ctrl-C goes to its foreground process group, and its end to its session."""
    process = server_process(own)
    assert os.getpgid(process.pid) != os.getpgid(0)
    assert os.getsid(process.pid) != os.getsid(0)


def test_damaged_state_is_told_in_the_log_and_does_not_stop_the_start(own: Cloud) -> None:
    own.machine({"Done": {"Type": "Succeed"}})
    own.aws.stop()
    (own.aws.home / "state" / "stepfunctions.json").write_text(json.dumps({"cut": 1})[:-3])
    own.aws.start()
    assert "failed to load stepfunctions" in own.aws.log.read_text()


def test_port_that_is_free_again_is_used(own: Cloud) -> None:
    port = own.aws.settings.aws_port
    own.aws.stop()
    with socket.create_server((ports.HOST, port)), pytest.raises(LocalCloudError):
        own.aws.start()
    own.aws.start()
