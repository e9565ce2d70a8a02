"""What landing one file promises."""

from pathlib import Path
from typing import Any

from tests.integration.loaders.conftest import SALES, Context, Pipeline


def test_a_file_lands_as_it_stood_with_its_row_numbers(pipeline: Pipeline) -> None:
    outcome = pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"1,00123,,NA,05/05/2022\n2,,2,1E5, x\n"))

    assert outcome["status"] == "loaded"
    assert [outcome[f"records_{count}"] for count in ("read", "loaded", "rejected")] == [2, 2, 0]
    rows = pipeline.query(
        "select _load_id, _row_number, transaction_id, product_id, quantity, price, transaction_date, _extra "
        "from raw.sales order by _row_number"
    )
    assert rows == [
        (outcome["load_id"], 1, "1", "00123", "", "NA", "05/05/2022", None),
        (outcome["load_id"], 2, "2", "", "2", "1E5", " x", None),
    ]
