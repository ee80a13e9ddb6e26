"""Asks one question with psycopg, which is libpq: CONNINFO, SQL. Prints the answer and whether TLS carried it."""

import sys

import psycopg

with psycopg.connect(sys.argv[1]) as connection:
    print(connection.execute(sys.argv[2]).fetchone()[0])
    print("encrypted" if connection.pgconn.ssl_in_use else "plain")
