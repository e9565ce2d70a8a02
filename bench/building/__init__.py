"""Measures dbt on histories of sales: everything built, and what is new built."""
