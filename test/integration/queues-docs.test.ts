import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { parseQueuesFile } from "../../src/queues/config.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const signal = AbortSignal.timeout(60_000);
const page = readFileSync("docs/queues.md", "utf8");
const section = page.slice(page.indexOf("### Tables of another form"), page.indexOf("## What each job system reports"));
const block = (language: string) => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(section)?.[1] ?? "";
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "docs");
  await database.query(`create schema app; ${block("sql")}`);
  await database.query(`
    insert into app.deliveries
    select id, kind, tenant, 'sms', state, unix - 600000, unix - 500000, case when state in (2, 9) then unix - 60000 end,
           '[{"message": "timeout"}, {"message": "refused"}]'
    from (values (1, 'mail', 1, 0), (2, 'mail', 2, 3), (3, 'mail', 1, 1), (4, 'mail', 1, 2), (5, 'mail', 1, 9), (6, 'mail', 3, 0), (7, 'push', 1, 9))
           as t (id, kind, tenant, state),
         lateral (select (extract(epoch from now()) * 1000)::bigint as unix) as clock;
    insert into app.reports
    select id, status, there - interval '10 minutes', case when status <> 'new' then there - interval '1 minute' end, '{"error": {"text": "no paper"}}'
    from (values (1, 'new'), (2, 'printed'), (3, 'failed')) as t (id, status), lateral (select timezone('Europe/Berlin', now()) as there) as clock`);
});
afterAll(() => database.drop());

it("the tables of the page are read by the mappings of the page", async () => {
  const parsed = parseQueuesFile(block("json"));
  if (!parsed.ok) throw new Error(parsed.issues.join());
  const { sources } = parsed;
  const open = createQueueSources({
    databaseUrl: database.url,
    sources,
    detect: false,
    env: null,
    logger: silentLogger,
  });
  const [mail, reports] = await open.all(signal);
  const near = (seconds: number) => expect.closeTo(seconds, -2) as number;
  expect(await mail?.metrics(signal)).toMatchObject([
    {
      name: "sms",
      depth: 2,
      retrying: 1,
      active: 1,
      processedPerSec: 1 / 300,
      failuresLastHour: 1,
      oldestAgeSeconds: near(600),
      exact: true,
    },
  ]);
  expect(await mail?.failures(signal)).toMatchObject([{ queue: "sms", error: "refused", jobIds: ["5"] }]);
  expect(await reports?.metrics(signal)).toMatchObject([
    {
      name: "reports",
      depth: 1,
      processedPerSec: 1 / 300,
      failuresLastHour: 1,
      oldestAgeSeconds: near(600),
      exact: true,
    },
  ]);
  expect(await reports?.failures(signal)).toMatchObject([{ error: "no paper", jobIds: ["3"] }]);
  await open.close();
});

it("a mistake of the page is the message of the page", async () => {
  const mistaken = parseQueuesFile(block("json").replace("tenant in", "tenat in"));
  if (!mistaken.ok) throw new Error(mistaken.issues.join());
  const { sources } = mistaken;
  const options = { databaseUrl: database.url, sources, detect: false, env: null, logger: silentLogger };
  const [probe] = await probeQueueSources(options, signal);
  const message = /`(WALLET_CORE_OPS_QUEUES_FILE, sources\[0\][^`]+)`/.exec(section)?.[1];
  expect(probe).toMatchObject({ name: "mail", ok: false, detail: message });
});
