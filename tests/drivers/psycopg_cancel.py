"""Cancels a statement with psycopg, which is libpq: CONNINFO, SQL. Prints the protocol's version and the error's code."""

import sys
import threading

import psycopg

with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    print(connection.pgconn.full_protocol_version)
    connection.add_notice_handler(
        lambda notice: threading.Thread(target=connection.cancel_safe).start()
    )
    try:
        connection.execute(sys.argv[2])
        print("not cancelled")
    except psycopg.errors.QueryCanceled as error:
        print(error.sqlstate)
