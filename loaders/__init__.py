"""From an object in S3 to rows of a raw table: the Lambdas, and what they write about it in the ledger."""
