"""What runs in processes of its own: a client of the handler, and one of psycopg."""
