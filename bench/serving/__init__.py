"""Measures how fast the API answers: its handler, called directly, beside the same SQL through psycopg."""
