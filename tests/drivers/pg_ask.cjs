// Asks one question with node-postgres: settings as JSON, SQL. Prints the answer and whether TLS carried it.

const { readFileSync } = require("node:fs");
const { Client } = require("pg");

async function main(settings, sql) {
  if (settings.root) settings.ssl = { ca: readFileSync(settings.root) };
  const client = new Client(settings);
  await client.connect();
  const { rows } = await client.query({ text: sql, rowMode: "array" });
  console.log(rows[0][0]);
  console.log(client.connection.stream.encrypted ? "encrypted" : "plain");
  await client.end();
}

main(JSON.parse(process.argv[2]), process.argv[3]).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
