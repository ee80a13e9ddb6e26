"""Asks one question with asyncpg: URI, SQL. Prints the answer and whether TLS carried it."""

import asyncio
import sys

import asyncpg


async def main():
    connection = await asyncpg.connect(sys.argv[1])
    print(await connection.fetchval(sys.argv[2]))
    print("encrypted" if connection._transport.get_extra_info("ssl_object") else "plain")
    await connection.close()


asyncio.run(main())
