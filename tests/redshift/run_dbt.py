"""Runs dbt for each line of standard input, its arguments as JSON, and answers each with what failed, or null.

In one process: dbt takes longer to start, and to read its own schemas, than to build this project. (What is called
`dbt_...` beside a script, dbt imports as a plugin.)
"""

import json
import os
import sys

# dbt prints: answers have a way of their own.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from dbt.cli.main import dbtRunner  # noqa: E402

for line in sys.stdin:
    done = dbtRunner().invoke(json.loads(line))
    failure = None if done.success else f"dbt failed: {done.exception or 'see its output'}"
    print(json.dumps(failure), file=answers, flush=True)
