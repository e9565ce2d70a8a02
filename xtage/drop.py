"""`xtage drop`: files into the raw bucket, where the pipeline finds them."""

from pathlib import Path
from typing import Any

import click
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from loaders.contract import Contract, feed_of, is_drop, load_contracts
from xtage.console import output, say, warn
from xtage.errors import OperatorError
from xtage.stages import LOCAL, find_stage


@click.command("drop")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--feed", help="The feed they belong to, when their names do not tell.")
@click.option("--stage", default=LOCAL, show_default=True, help="Where to: the local cloud or a deployed stage.")
def command(files: tuple[Path, ...], feed: str | None, stage: str) -> int:
    """Put FILES into the raw bucket; the pipeline starts by itself.

    A file goes to raw/<feed>/<its name>. Without --feed the contracts' file patterns decide; a file that none or
    several of them match goes to the root of the bucket, where it is listed as unrecognized. Dropping a file again
    under the same name adds a version; the earlier one stays.

    \b
    Examples:
      xtage drop sales_data.csv customer_data.json
      xtage drop --feed sales export-2022-12.csv
      xtage drop --stage dev *.csv

    Exit code 1 when a file could not be dropped; the others are.
    """
    contracts = load_contracts()
    if feed is not None and feed not in contracts:
        raise OperatorError(f"no feed is called {feed}", f"the feeds are {', '.join(contracts)}")
    where = find_stage(stage)
    s3, bucket = where.client("s3"), where.outputs["RawBucketName"]
    dropped = [_drop(s3, bucket, file, key_of(file, feed, list(contracts.values()))) for file in files]
    return 0 if all(dropped) else 1


def key_of(file: Path, feed: str | None, contracts: list[Contract]) -> str:
    """The object key of a file: under its feed, or at the root of the bucket when no contract claims it."""
    # The path of the file on this machine says nothing about its feed; its name alone decides.
    found = feed or feed_of(file.name, contracts)
    return f"raw/{found}/{file.name}" if found else file.name


def _drop(s3: Any, bucket: str, file: Path, key: str) -> bool:
    """Upload one file and say so; False, with the reason on stderr, when that is not possible."""
    if not file.is_file():
        problem = "is a directory; name the files in it" if file.is_dir() else "does not exist; check the path"
        warn(f"xtage: {file} {problem}")
        return False
    if not is_drop(key, file.stat().st_size):
        warn(f"xtage: {file} has a name that the pipeline keeps for itself; rename it or give --feed")
        return False
    try:
        with output().status(f"dropping {file}"):
            s3.upload_file(str(file), bucket, key)
    except UnicodeEncodeError:
        warn(f"xtage: {file} has a name that is not UTF-8; rename it")
        return False
    except (OSError, S3UploadFailedError, ClientError) as problem:
        warn(f"xtage: {file} was not dropped: {problem}; drop it again")
        return False
    say(f"dropped {file} -> s3://{bucket}/{key}")
    if not key.startswith("raw/"):
        warn(f"xtage: no feed's patterns claim {file.name}: it will be listed as unrecognized; --feed names its feed")
    return True
