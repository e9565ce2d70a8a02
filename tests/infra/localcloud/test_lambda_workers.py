"""Lambda functions run as on AWS."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from localcloud.aws.patches.lambda_workers import MOST_AT_ONCE
from localcloud.settings import PROJECT
from tests.infra.localcloud.conftest import Cloud, task


def test_handler_gets_event_and_context(cloud: Cloud) -> None:
    function = cloud.function(
        """
        def handler(event, context):
            return [event, context.function_name, context.get_remaining_time_in_millis() > 5000,
                    bool(context.aws_request_id), context.invoked_function_arn]
        """
    )
    error, (event, name, has_time, has_id, arn) = cloud.invoke(function, {"a": [1, "é", None]})
    assert error is None
    assert event == {"a": [1, "é", None]}
    assert name == function
    assert has_time
    assert has_id
    assert arn.endswith(f":function:{function}")


def test_runs_on_the_packages_of_the_lambda_environment_only(cloud: Cloud) -> None:
    function = cloud.function(
        """
        import sys, importlib.util
        def handler(event, context):
            return sys.executable, [name for name in event if importlib.util.find_spec(name)]
        """
    )
    _, (python, found) = cloud.invoke(function, ["awswrangler", "dbt", "ministack", "localcloud", "loaders", "click"])
    assert python == str(PROJECT / ".venv-lambda" / "bin" / "python")
    assert found == ["awswrangler"]


def test_environment_holds_only_what_lambda_and_the_function_set(cloud: Cloud) -> None:
    function = cloud.function(
        "import os\ndef handler(event, context): return dict(os.environ)", Environment={"Variables": {"OWN": "value"}}
    )
    _, variables = cloud.invoke(function)
    assert variables["OWN"] == "value"
    assert variables["AWS_ENDPOINT_URL"] == cloud.aws.endpoint
    assert variables["AWS_REGION"] == "us-east-1"
    foreign = [name for name in variables if name.startswith(("PYTHON", "XTAGE", "S3_", "HOME", "STATE", "PWD"))]
    assert foreign == []


def test_exception_reaches_step_functions_under_its_class_name(cloud: Cloud) -> None:
    function = cloud.function(
        """
        class TransientError(Exception): pass
        def handler(event, context): raise TransientError("the database is away")
        """
    )
    execution = cloud.run({"Fail": task(function)})
    assert execution["status"] == "FAILED"
    assert execution["error"] == "TransientError"
    cause = json.loads(execution["cause"])
    assert cause["errorMessage"] == "the database is away"
    assert cause["errorType"] == "TransientError"
    assert "raise TransientError" in cause["stackTrace"][-1]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("import no_such_package", "Runtime.ImportModuleError", "No module named 'no_such_package'"),
        ("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'module'"),
        ("x = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'module'"),
        ("raise RuntimeError('at import')", "RuntimeError", "at import"),
        ("def handler(event, context): return {1, 2}", "Runtime.MarshalError", "not JSON serializable"),
        ("import os\ndef handler(event, context): os._exit(3)", "Runtime.ExitError", "exit status 3"),
        ("import os\ndef handler(event, context): os.kill(os.getpid(), 9)", "Runtime.ExitError", "signal: SIGKILL"),
        ("import sys\ndef handler(event, context): sys.exit(1)", "Runtime.ExitError", "exit status 1"),
    ],
    ids=["import", "syntax", "no handler", "raised at import", "not JSON", "exits", "killed", "sys.exit"],
)
def test_broken_function_fails_with_the_error_of_aws(cloud: Cloud, source: str, error: str, message: str) -> None:
    kind, payload = cloud.invoke(cloud.function(source))
    assert kind == "Unhandled"
    assert payload["errorType"] == error
    assert message in payload["errorMessage"]


def test_function_over_its_timeout_is_killed_with_its_children(cloud: Cloud) -> None:
    function = cloud.function(
        """
        import subprocess, time
        def handler(event, context):
            subprocess.Popen(["sleep", "86399"])
            time.sleep(60)
        """,
        Timeout=1,
    )
    execution = cloud.run({"Slow": task(function)})
    assert execution["error"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in execution["cause"]
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "86399"]]


def test_function_works_again_after_each_kind_of_failure(cloud: Cloud) -> None:
    function = cloud.function(
        """
        import os, time
        def handler(event, context):
            if event == "raise": raise ValueError(event)
            if event == "exit": os._exit(1)
            if event == "sleep": time.sleep(60)
            return os.getpid()
        """,
        Timeout=2,
    )
    _, first = cloud.invoke(function)
    cloud.invoke(function, "raise")
    assert cloud.invoke(function) == (None, first), "an exception must not cost a cold start"
    for event in ("exit", "sleep"):
        assert cloud.invoke(function, event)[0] == "Unhandled"
        assert cloud.invoke(function)[0] is None


def test_a_changed_function_finishes_what_it_does_and_the_next_call_finds_the_change(cloud: Cloud) -> None:
    function = cloud.function(
        """
        import os, time
        def handler(event, context):
            time.sleep(event)
            return os.environ["OWN"], os.getpid()
        """,
        Environment={"Variables": {"OWN": "old"}},
    )
    cloud.invoke(function, 0)
    lambdas = cloud.aws.client("lambda")
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(cloud.invoke, function, 1.5)
        time.sleep(0.3)
        lambdas.update_function_configuration(FunctionName=function, Environment={"Variables": {"OWN": "new"}})
        assert cloud.invoke(function, 0)[1][0] == "new"
        error, (own, process) = busy.result()
    assert (error, own) == (None, "old")
    gone = time.monotonic() + 10
    while psutil.pid_exists(process):
        assert time.monotonic() < gone
        time.sleep(0.05)


def test_map_items_run_at_the_same_time_up_to_its_concurrency(cloud: Cloud) -> None:
    function = cloud.function(
        """
        import time
        def handler(event, context):
            started = time.time()
            time.sleep(0.5)
            return [started, time.time()]
        """
    )
    execution = cloud.run(
        {
            "Each": {
                "Type": "Map",
                "Items": "{% [1..8] %}",
                "MaxConcurrency": 4,
                "ItemProcessor": {"StartAt": "Load", "States": {"Load": task(function)}},
                "End": True,
            }
        }
    )
    spans = execution["output"]
    most = max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
    assert most == 4


def test_more_invocations_than_environments_all_get_their_turn(cloud: Cloud) -> None:
    function = cloud.function("import os\ndef handler(event, context): return os.getpid()")
    each = {"StartAt": "Call", "States": {"Call": task(function)}}
    execution = cloud.run({"Each": {"Type": "Map", "Items": "{% [1..30] %}", "ItemProcessor": each, "End": True}})
    assert len(execution["output"]) == 30
    assert len(set(execution["output"])) <= MOST_AT_ONCE


def test_everything_printed_is_in_the_log_of_the_function(cloud: Cloud) -> None:
    function = cloud.function(
        """
        import os, subprocess, sys
        def handler(event, context):
            print("from print")
            print("from stderr", file=sys.stderr)
            os.system("echo from a child")
            print("{" * 100000)
            raise ValueError("the end")
        """
    )
    cloud.invoke(function)
    logs = cloud.aws.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    text = "\n".join(event["message"] for event in events)
    for expected in ("from print", "from stderr", "from a child", "{" * 100000, "[ERROR] ValueError: the end"):
        assert expected in text


def test_large_payloads_pass_both_ways(cloud: Cloud) -> None:
    function = cloud.function("def handler(event, context): return event")
    event = ["x" * 1000] * 3000
    assert cloud.invoke(function, event) == (None, event)


def test_ten_small_states_take_little_time(cloud: Cloud) -> None:
    function = cloud.function("def handler(event, context): return event + 1")
    states = {f"State{n}": task(function, Next=f"State{n + 1}") for n in range(9)} | {"State9": task(function)}
    cloud.invoke(function, 0)
    started = time.monotonic()
    execution = cloud.run(states, 0)
    print(f"ten states took {time.monotonic() - started:.2f} s")
    assert execution["output"] == 10
