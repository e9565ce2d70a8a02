"""The Redshift protocol and dialect harness: what Redshift's clients need, in front of the embedded PostgreSQL.

It is not Redshift, and what passes on it is not "tested on Redshift": `docs/dialects.md` says what it shows.
"""
