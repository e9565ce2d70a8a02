"""Runs dbt for each line of standard input, its arguments as JSON, and answers each with what failed, or null.

In one process: dbt takes longer to start, and to read its own schemas, than to build this project. (What is called
`dbt_...` beside a script, dbt imports as a plugin.)
"""

import json
import os
import sys
from functools import partial

# dbt prints: answers have a way of their own.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import redshift_connector  # noqa: E402
from dbt.cli.main import dbtRunner  # noqa: E402

# Without a name the driver looks through the whole stack for its caller's: most of what a connection takes, and dbt
# opens one for each node.
redshift_connector.connect = partial(redshift_connector.connect, application_name="dbt")

for line in sys.stdin:
    done = dbtRunner().invoke(json.loads(line))
    failure = None if done.success else f"dbt failed: {done.exception or 'see its output'}"
    print(json.dumps(failure), file=answers, flush=True)
