"""Measures the Spark jobs on Sail and on real Spark."""
