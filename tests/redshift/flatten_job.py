"""Runs the job json_to_tabular for each place that is named, on one Spark: starting that takes longest."""

import sys

from glue.jobs.json_to_tabular import main

for location in sys.argv[1:]:
    main(["--location", location])
