// postgres.js: everything by the extended protocol, pipelined; tagged templates, cursors, COPY, listen, cancel.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";
import { fails, run, shows, within } from "./trial.mjs";

const notices = [];
const sql = postgres({ max: 3, onnotice: (notice) => notices.push(notice.message), connection: { timezone: "UTC" } });

shows("typed parameters, type introspection for arrays", async () => {
  await sql`SELECT 1`;
  const [row] = await sql`SELECT ${7}::int4 AS i, ${"9007199254740993"}::int8 AS b, ${1.5}::float8 AS f, ${"é'\\"}::text AS t, ${true}::bool AS o,
    ${new Date("2024-02-29T01:02:03.004Z")}::timestamptz AS at, ${Buffer.from([0, 255])}::bytea AS y, ${sql.json({ a: [1] })}::jsonb AS j,
    ${null}::text AS n, ${[1, 2, 3]}::int4[] AS l, ${sql.array(["x", 'q"'])}::text[] AS s`;
  assert.deepEqual(
    { ...row },
    {
      i: 7, b: "9007199254740993", f: 1.5, t: "é'\\", o: true, at: new Date("2024-02-29T01:02:03.004Z"), y: Buffer.from([0, 255]), j: { a: [1] },
      n: null, l: [1, 2, 3], s: ["x", 'q"'],
    },
  );
  // The types of parameters are asked for once; the client asks again when an error says where it was raised.
  const insert = (name) => sql`INSERT INTO retyped VALUES (${name}) RETURNING name`;
  await sql`CREATE TABLE retyped (name text)`;
  assert.equal((await insert("7"))[0].name, "7");
  await sql`ALTER TABLE retyped ALTER name TYPE int USING name::int`;
  assert.equal((await insert("8"))[0].name, 8);
  const chosen = sql`WITH made AS (INSERT INTO retyped VALUES (9) RETURNING name) SELECT 9 IN ${sql([8, 9])} AS o FROM made`;
  assert.equal((await chosen)[0].o, true);
});

shows("helpers: insert, update, in, identifiers, fragments, simple()", async () => {
  await sql`CREATE TABLE people (id int PRIMARY KEY, name text, age int)`;
  const people = Array.from({ length: 100 }, (_, n) => ({ id: n, name: `n${n}`, age: n % 7 }));
  await sql`INSERT INTO people ${sql(people)}`;
  await sql`UPDATE people SET ${sql({ name: "first" }, "name")} WHERE id = ${0}`;
  const found = await sql`SELECT ${sql(["id", "name"])} FROM ${sql("people")} WHERE id IN ${sql([0, 3])} ${sql`ORDER BY id DESC`}`;
  assert.deepEqual(found.map((row) => ({ ...row })), [{ id: 3, name: "n3" }, { id: 0, name: "first" }]);
  assert.equal(found.count, 2);
  const several = await sql`SELECT 1 AS a; SELECT 2 AS b`.simple();
  assert.deepEqual(several.map((rows) => ({ ...rows[0] })), [{ a: 1 }, { b: 2 }]);
  const described = await sql`SELECT id, name FROM people WHERE id = ${1}`.describe();
  assert.deepEqual([described.types, described.columns.map((column) => column.name)], [[23], ["id", "name"]]);
});

shows("pipelined queries, cursors", async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => sql`SELECT ${n}::int AS n`));
  assert.deepEqual(answers.map(([row]) => row.n), Array.from({ length: 200 }, (_, n) => n));
  let seen = 0;
  for await (const rows of sql`SELECT * FROM generate_series(1, 250)`.cursor(100)) seen += rows.length;
  assert.equal(seen, 250);
  let sum = 0;
  await sql`SELECT i FROM generate_series(1, 10) AS g(i)`.forEach((row) => { sum += row.i; });
  assert.equal(sum, 55);
});

shows("transactions and savepoints", async () => {
  await sql.begin(async (tx) => {
    await tx`DELETE FROM people WHERE id >= 50`;
    await tx.savepoint((point) => point`SELECT 1 / 0`).catch((error) => assert.equal(error.code, "22012"));
  });
  await sql.begin("isolation level repeatable read", async (tx) => {
    await tx`DELETE FROM people`;
    throw new Error("back");
  }).catch((error) => assert.equal(error.message, "back"));
  assert.equal((await sql`SELECT count(*)::int AS n FROM people`)[0].n, 50);
});

shows("COPY in and out", async () => {
  await sql`CREATE TABLE copied (k int, s text)`;
  await pipeline(Readable.from(["1\tone\n", "2\ttwo\n"]), await sql`COPY copied FROM STDIN`.writable());
  let text = "";
  for await (const chunk of await sql`COPY copied TO STDOUT`.readable()) text += chunk;
  assert.equal(text, "1\tone\n2\ttwo\n");
});

shows("errors with their fields", async () => {
  const error = await fails("23505", sql`INSERT INTO people VALUES (1, 'x', 1)`);
  assert.deepEqual([error.schema_name, error.table_name, error.constraint_name], ["public", "people", "people_pkey"]);
  assert.equal((await fails("42703", sql`SELECT nothing`)).position, "8");
});

shows("cancel", async () => {
  const query = sql`SELECT pg_sleep(30)`;
  setTimeout(() => query.cancel(), 300);
  await fails("57014", query);
});

shows("notices, listen and notify", async () => {
  let heard;
  const told = new Promise((resolve) => { heard = resolve; });
  await sql.listen("news", heard);
  await sql.notify("news", "hello");
  assert.equal(await within(10000, told), "hello");
  await sql`DROP TABLE IF EXISTS never_there`;
  assert.deepEqual(notices, ['table "never_there" does not exist, skipping']);
  await sql.end();
});

await run("postgres.js", JSON.parse(readFileSync(new URL("node_modules/postgres/package.json", import.meta.url))).version);
