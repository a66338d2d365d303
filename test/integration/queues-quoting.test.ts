import * as fc from "fast-check";
import { Client } from "pg";
import { expect, inject, it } from "vitest";
import { quoteIdentifier, quoteLiteral } from "../../src/queues/postgres/names.ts";

/** Text that the configuration lets through. */
const text = fc
  .oneof(fc.string({ unit: "binary", minLength: 1 }), fc.stringMatching(/^[\\'"$;E-]{1,8}$/))
  .filter((value) => value.isWellFormed() && !value.includes("\0"));
const samples = [
  "it's",
  'a"b',
  "\\",
  "\\'",
  "'; drop table x; --",
  "$$",
  "E'\\'",
  "日本 🚀",
  ...fc.sample(text, { numRuns: 500, seed: 7 }),
];

it.each(["on", "off"])("PostgreSQL reads quoted values exactly, standard_conforming_strings %s", async (setting) => {
  const client = new Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  await client.query(`set standard_conforming_strings = ${setting}`);
  const { rows } = await client.query<{ value: string }>(
    samples.map((value) => `select ${quoteLiteral(value)}::text as value`).join(" union all "),
  );
  expect(rows.map(({ value }) => value)).toStrictEqual(samples);

  const names = samples.filter((value) => Buffer.byteLength(value) <= 63);
  const { fields } = await client.query(`select ${names.map((name) => `1 as ${quoteIdentifier(name)}`).join(", ")}`);
  expect(fields.map(({ name }) => name)).toStrictEqual(names);
  await client.end();
});
