// node-postgres (pg): simple and extended queries, names, cursors, streams, COPY, pool, notifications, cancel.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { fails, run, shows, within } from "./trial.mjs";

const client = new pg.Client();
await client.connect();
await client.query("SET timezone = 'UTC'");

shows("typed parameters and results", async () => {
  const values = [
    ["int4", 7, 7], ["int8", "9223372036854775807", "9223372036854775807"], ["float8", 1.5, 1.5], ["numeric", "12345678901234567890.5", "12345678901234567890.5"],
    ["text", "é 'x' \\ 漢", "é 'x' \\ 漢"], ["bool", true, true], ["bytea", Buffer.from([0, 255]), Buffer.from([0, 255])],
    ["timestamptz", new Date("2024-02-29T01:02:03.004Z"), new Date("2024-02-29T01:02:03.004Z")],
    ["uuid", "0123e567-e89b-12d3-a456-426614174000", "0123e567-e89b-12d3-a456-426614174000"],
    ["jsonb", { a: [1, null] }, { a: [1, null] }], ["json", { a: [1, null] }, { a: [1, null] }],
    ["int4[]", [1, null, 3], [1, null, 3]], ["text[]", ["a", 'q"', null], ["a", 'q"', null]], ["float8[]", [1.5], [1.5]],
  ];
  for (const [type, value, wanted] of values) {
    const { rows, fields } = await client.query(`SELECT $1::${type} AS v, NULL::${type} AS none`, [value]);
    assert.deepEqual(rows[0].v, wanted, type);
    assert.equal(rows[0].none, null);
    assert.equal(fields.length, 2);
  }
  const { rows } = await client.query("SELECT interval '1 day 02:03:04.5' AS v, date '2024-02-29' AS d");
  assert.deepEqual({ ...rows[0].v }, { days: 1, hours: 2, minutes: 3, seconds: 4, milliseconds: 500 });
  const array = await client.query({ text: "SELECT 1, 2", rowMode: "array" });
  assert.deepEqual(array.rows, [[1, 2]]);
});

shows("binary results", async () => {
  const { rows } = await client.query({ text: "SELECT $1::int4 AS a, 2::int8 AS b, true AS c, 'x'::text AS t", values: [1], binary: true });
  assert.deepEqual({ ...rows[0] }, { a: 1, b: "2", c: true, t: "x" });
});

shows("several statements in one query, prepared names", async () => {
  const results = await client.query("CREATE TEMP TABLE several (a int); INSERT INTO several VALUES (1), (2); SELECT * FROM several");
  assert.deepEqual(results.map((result) => [result.command, result.rowCount]), [["CREATE", null], ["INSERT", 2], ["SELECT", 2]]);
  for (let n = 0; n < 10; n++) {
    const { rows } = await client.query({ name: "twice", text: "SELECT $1::int * 2 AS d", values: [n] });
    assert.equal(rows[0].d, 2 * n);
  }
});

shows("cursors and streams", async () => {
  const cursor = client.query(new Cursor("SELECT i FROM generate_series(1, $1::int) AS g(i)", [250]));
  let seen = 0;
  for (let rows = await cursor.read(100); rows.length > 0; rows = await cursor.read(100)) seen += rows.length;
  assert.equal(seen, 250);
  await cursor.close();
  const stream = client.query(new QueryStream("SELECT i FROM generate_series(1, 1000) AS g(i)", [], { batchSize: 70 }));
  let sum = 0;
  for await (const row of stream) sum += row.i;
  assert.equal(sum, 500500);
});

shows("COPY in and out", async () => {
  await client.query("CREATE TEMP TABLE copied (k int, s text)");
  await pipeline(Readable.from(["1\ton", "e\n2\ttwo\n"]), client.query(copyFrom("COPY copied FROM STDIN")));
  const chunks = [];
  const out = client.query(copyTo("COPY copied TO STDOUT (FORMAT csv)"));
  for await (const chunk of out) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), "1,one\n2,two\n");
});

shows("transactions, errors with their fields", async () => {
  await client.query("CREATE TABLE keyed (a int PRIMARY KEY)");
  await client.query("BEGIN");
  await client.query("INSERT INTO keyed VALUES (1)");
  const error = await fails("23505", client.query("INSERT INTO keyed VALUES ($1)", [1]));
  assert.deepEqual([error.schema, error.table, error.constraint, error.detail], ["public", "keyed", "keyed_pkey", "Key (a)=(1) already exists."]);
  await fails("25P02", client.query("SELECT 1"));
  await client.query("ROLLBACK");
  assert.equal((await fails("42703", client.query("SELECT nothing"))).position, "8");
});

shows("cancel, timeouts", async () => {
  const { rows: [{ pid }] } = await client.query("SELECT pg_backend_pid() AS pid");
  assert.equal(pid, client.processID);
  const other = new pg.Client();
  await other.connect();
  setTimeout(() => other.query("SELECT pg_cancel_backend($1)", [pid]), 200);
  await fails("57014", client.query("SELECT pg_sleep(30)"));
  await other.query("SET statement_timeout = 100");
  await fails("57014", other.query("SELECT pg_sleep(30)"));
  await other.end();
});

shows("notices and notifications", async () => {
  const told = new Promise((resolve) => client.once("notification", resolve));
  await client.query("LISTEN news");
  await client.query("SELECT pg_notify('news', 'hello')");
  assert.equal((await within(10000, told)).payload, "hello");
  const notice = new Promise((resolve) => client.once("notice", resolve));
  await client.query("DROP TABLE IF EXISTS never_there");
  assert.equal((await within(10000, notice)).message, 'table "never_there" does not exist, skipping');
});

shows("pool", async () => {
  const pool = new pg.Pool({ max: 4 });
  const results = await Promise.all(Array.from({ length: 30 }, (_, n) => pool.query("SELECT $1::int AS n", [n])));
  assert.deepEqual(results.map((result) => result.rows[0].n), Array.from({ length: 30 }, (_, n) => n));
  await pool.end();
  await client.end();
});

await run("node-postgres", createRequire(import.meta.url)("pg/package.json").version);
