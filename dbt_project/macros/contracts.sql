{# Generated from contracts/*.odcs.yaml by `python -m loaders.generate`; edit the contracts, not this file. #}
{% macro contracts() %}
    {{ return({
        "customers": {
            "version": "1.0.0", "delivery": "full", "on_rewrite": "add", "key": ["customer_id"],
            "columns": {
                "customer_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "customer_name": {"type": "string", "data_type": "text", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "age": {"type": "integer", "data_type": "integer", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": [{"name": "below_minimum", "check": "minimum", "value": "0", "severity": "error"}, {"name": "above_maximum", "check": "maximum", "value": "120", "severity": "error"}]},
                "gender": {"type": "string", "data_type": "text", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "30", "invalid": "5"}, "letter_case": "lower", "rules": [{"name": "not_an_accepted_value", "check": "accepted_values", "value": ["male", "female", "non-binary"], "severity": "error"}]},
                "location": {"type": "string", "data_type": "text", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "30", "invalid": "5"}, "rules": []},
                "date_joined": {"type": "date", "data_type": "date", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "date_formats": ["YYYY-MM-DD"], "rules": [{"name": "after_delivery", "check": "not_after_delivery", "severity": "error"}]},
            },
        },
        "exchange_rates": {
            "version": "1.0.1", "delivery": "delta", "on_rewrite": "add", "key": ["currency_code", "date"],
            "columns": {
                "currency_code": {"type": "string", "data_type": "text", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "30"}, "letter_case": "upper", "rules": []},
                "date": {"type": "date", "data_type": "date", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "date_formats": ["YYYY-MM-DD"], "rules": [{"name": "after_delivery", "check": "not_after_delivery", "severity": "error"}]},
                "exchange_rate": {"type": "number", "data_type": "numeric(24,10)", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "10", "invalid": "35"}, "rules": [{"name": "below_minimum", "check": "exclusive_minimum", "value": "0", "severity": "error"}]},
            },
        },
        "orders": {
            "version": "1.0.0", "delivery": "delta", "on_rewrite": "add", "key": ["order_id"],
            "columns": {
                "order_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "customer_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "placed_at": {"type": "timestamp", "data_type": "timestamp", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": [{"name": "after_delivery", "check": "not_after_delivery", "severity": "error"}]},
                "shipping_method": {"type": "string", "data_type": "text", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "letter_case": "lower", "rules": [{"name": "not_an_accepted_value", "check": "accepted_values", "value": ["standard", "express", "pickup"], "severity": "error"}]},
                "shipping_city": {"type": "string", "data_type": "text", "required": false, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "shipping_cost": {"type": "number", "data_type": "numeric(18,4)", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": [{"name": "below_minimum", "check": "minimum", "value": "0", "severity": "error"}]},
            },
            "arrays": {
                "orders__lines": {
                    "feed": "orders", "key": ["order_id"], "positions": ["_position"],
                    "columns": {
                        "order_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                        "product_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                        "quantity": {"type": "integer", "data_type": "integer", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": [{"name": "below_minimum", "check": "exclusive_minimum", "value": "0", "severity": "error"}, {"name": "unusually_large", "check": "maximum", "value": "100", "severity": "warning"}]},
                        "unit_price": {"type": "number", "data_type": "numeric(18,4)", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": [{"name": "below_minimum", "check": "minimum", "value": "0", "severity": "error"}]},
                    },
                },
                "orders__payments": {
                    "feed": "orders", "key": ["order_id"], "positions": ["_position"],
                    "columns": {
                        "order_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                        "method": {"type": "string", "data_type": "text", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "letter_case": "lower", "rules": [{"name": "not_an_accepted_value", "check": "accepted_values", "value": ["card", "transfer", "voucher"], "severity": "error"}]},
                        "amount": {"type": "number", "data_type": "numeric(18,4)", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": [{"name": "below_minimum", "check": "minimum", "value": "0", "severity": "error"}]},
                    },
                },
            },
        },
        "products": {
            "version": "1.0.1", "delivery": "full", "on_rewrite": "add", "key": ["product_id"],
            "columns": {
                "product_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "product_name": {"type": "string", "data_type": "text", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "category": {"type": "string", "data_type": "text", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "price": {"type": "number", "data_type": "numeric(18,4)", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "15"}, "rules": [{"name": "below_minimum", "check": "minimum", "value": "0", "severity": "error"}]},
                "stock_available": {"type": "integer", "data_type": "integer", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": [{"name": "below_minimum", "check": "minimum", "value": "0", "severity": "error"}]},
            },
        },
        "sales": {
            "version": "1.0.0", "delivery": "delta", "on_rewrite": "add", "key": ["transaction_id"],
            "columns": {
                "transaction_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "product_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "quantity": {"type": "integer", "data_type": "integer", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": [{"name": "below_minimum", "check": "exclusive_minimum", "value": "0", "severity": "error"}, {"name": "unusually_large", "check": "maximum", "value": "100", "severity": "warning"}]},
                "price": {"type": "number", "data_type": "numeric(18,4)", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "30"}, "rules": [{"name": "below_minimum", "check": "minimum", "value": "0", "severity": "error"}]},
                "transaction_date": {"type": "date", "data_type": "date", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "date_formats": ["YYYY-MM-DD", "DD/MM/YYYY", "MM-DD-YYYY"], "rules": [{"name": "after_delivery", "check": "not_after_delivery", "severity": "error"}]},
            },
        },
        "transactions": {
            "version": "1.0.0", "delivery": "delta", "on_rewrite": "add", "key": ["transaction_id"],
            "columns": {
                "transaction_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "customer_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "product_id": {"type": "integer", "data_type": "bigint", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": []},
                "quantity": {"type": "integer", "data_type": "integer", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "rules": [{"name": "below_minimum", "check": "exclusive_minimum", "value": "0", "severity": "error"}, {"name": "unusually_large", "check": "maximum", "value": "100", "severity": "warning"}]},
                "transaction_date": {"type": "date", "data_type": "date", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "5"}, "date_formats": ["YYYY-MM-DD"], "rules": [{"name": "after_delivery", "check": "not_after_delivery", "severity": "error"}]},
                "total_amount": {"type": "number", "data_type": "numeric(18,4)", "required": true, "empty_words": ["", "null", "n/a", "unknown"], "tolerated": {"missing": "5", "invalid": "15"}, "rules": [{"name": "below_minimum", "check": "minimum", "value": "0", "severity": "error"}]},
            },
        },
    }) }}
{% endmacro %}
