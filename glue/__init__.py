"""Spark: what a Lambda or SQL is the wrong tool for. Jobs are thin mains over pure functions of DataFrames.

The same files run on AWS Glue 5.1 (Spark 3.5.6), on any Spark, and on Sail, a Spark Connect server in a wheel.
"""
