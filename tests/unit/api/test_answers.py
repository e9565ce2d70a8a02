"""What an answer may weigh, and what it keeps."""

import json
from decimal import Decimal

from api.answers import MOST_BYTES, answer, fitting, page, with_fitting

# Lambda refuses more in one answer: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_BYTES = 6 * 1024 * 1024


def test_amounts_keep_all_their_digits() -> None:
    body = answer({"amount": Decimal("12345678901234.5600")}).body
    assert body == '{"amount":12345678901234.5600}'


def test_a_page_of_the_largest_texts_is_cut_where_lambda_would_refuse_it_and_goes_on_after_its_last_row() -> None:
    for letter in ('"', "\\", "\x01", "é", "😀", "a"):
        rows = [{"id": n, "text": letter * (65_535 // len(letter.encode()))} for n in range(1001)]
        found = page(rows, 1000, lambda row: str(row["id"]))
        body = answer(found).body
        assert body
        assert len(json.dumps({"statusCode": 200, "body": body})) < LAMBDA_BYTES
        shown = json.loads(body)
        assert shown["items"] == rows[: len(shown["items"])]
        assert shown["next_cursor"] == str(len(shown["items"]) - 1)
        assert len(json.dumps(body)) > MOST_BYTES / 2


def test_a_row_that_is_too_large_alone_is_shown_all_the_same() -> None:
    assert len(fitting([{"text": "x" * 100}], most_bytes=10)) == 1


def test_the_last_page_has_no_cursor_and_an_empty_one_has_no_rows() -> None:
    assert page([], 10, lambda row: "next") == {"items": [], "next_cursor": None}
    assert page([{"id": 1}], 1, lambda row: "next")["next_cursor"] is None
    assert page([{"id": 1}, {"id": 2}], 1, lambda row: "next")["next_cursor"] == "next"


def test_a_list_is_cut_to_what_fits_beside_the_rest_of_its_answer() -> None:
    record = {"raw": "😀" * 16_000}
    body = with_fitting({"sale": [record] * 15, "earlier": [record] * 100}, "earlier")
    assert 0.9 * MOST_BYTES < len(json.dumps(answer(body).body)) < LAMBDA_BYTES
    assert 1 < len(body["earlier"]) < 100
