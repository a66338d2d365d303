import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";

const socketPath = inject("dockerSocket");
const folder = mkdtempSync(join(inject("runFolder"), "preview-"));
const ids: string[] = [];
let database: TestDatabase;

const start = async (name: string, hostname?: string) => {
  const labels = { service: "preview", role: "worker", destination: "staging" };
  const id = await startContainer(socketPath, { name: `preview-${name}`, labels, ...(hostname && { hostname }) });
  ids.push(id);
  return id;
};

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "preview");
});
afterAll(async () => {
  await removeContainers(socketPath, ids);
  await database.drop();
});

it("the preview finds a container's jobs by host name and id", async () => {
  await start("kamal", "37.27.91.235-0c1e7a5b3d42");
  const plain = await start("plain");
  await start("twin-1", "twin");
  await start("twin-2", "twin");
  await createRiverJobs(database);
  await database.query(`
    insert into river_job (id, kind, state, attempted_at, attempted_by) values
      (1, 'payout', 'running', '2026-01-13 09:45:00Z', '{37_27_91_235-0c1e7a5b3d42_2026_01_13T09_40_10}'),
      (2, 'email', 'running', '2026-01-13 09:45:01Z', '{${plain.slice(0, 12)}_2026_01_13T09_40_10}');
    create table jobs (id int, type text, status text, locked_by text, finished_at timestamptz);
    insert into jobs values (3, 'email', 'running', '37.27.91.235-0c1e7a5b3d42', null), (4, 'email', 'running', null, null)`);
  const lists = { waiting: ["pending"], active: ["running"], done: ["done"], failed: ["failed"] };
  const table = {
    kind: "table",
    queue: { name: "mail" },
    table: "jobs",
    id: "id",
    status: "status",
    finished_at: "finished_at",
    ...lists,
  };
  const sources = [
    { name: "river", kind: "river", schema: "public", by: "kind" },
    { name: "mapped", ...table, worker: { column: "locked_by" } },
    { name: "unmapped", ...table },
  ];
  const file = join(folder, "queues.json");
  writeFileSync(file, JSON.stringify({ sources }));
  await using own = await startGatewayProcess(socketPath, "preview", join(folder, "audit.jsonl"), {
    DATABASE_URL: database.url,
    QUEUES_FILE: file,
  });
  const work = async (name: string) => (await own.restart(`preview-${name}`, "?dry_run=true")).body.preview.work;
  const gaps = [
    { source: "mapped", reason: "1 of its running jobs have no known host" },
    { source: "unmapped", reason: "its rows do not name the host of a job" },
  ];
  expect(await work("kamal")).toEqual({
    jobs: [
      { source: "river", queue: "payout", job_id: "1", kind: "payout", started_at: "2026-01-13T09:45:00Z" },
      { source: "mapped", queue: "mail", job_id: "3", kind: null, started_at: null },
    ],
    total: 2,
    gaps,
  });
  expect(await work("plain")).toMatchObject({ jobs: [{ source: "river", job_id: "2" }], total: 1, gaps });
  expect(await work("twin-1")).toEqual({
    jobs: null,
    total: null,
    gaps: [{ source: null, reason: "another container has the same host name, twin" }],
  });
  await database.query("alter table river_job drop column attempted_by");
  expect(await work("plain")).toMatchObject({
    jobs: [],
    total: 0,
    gaps: [{ source: "river", reason: 'Column "attempted_by" does not exist in table public.river_job' }, ...gaps],
  });
});

it("the preview says that a record is missing, and writes none", async () => {
  await start("unrecorded");
  const name = "preview-unrecorded";
  const auditFolder = join(folder, "later");
  await using own = await startGatewayProcess(socketPath, "preview", join(auditFolder, "audit.jsonl"));
  const preview = async () => (await own.restart(name, "?dry_run=true")).body.preview;
  expect((await preview()).refusal).toEqual({
    code: "audit_unavailable",
    message: "The audit record cannot be written",
  });
  expect(await own.restart(name)).toMatchObject({ status: 503, body: { error: { code: "audit_unavailable" } } });
  mkdirSync(auditFolder);
  expect((await preview()).refusal).toBeNull();
  expect(readdirSync(auditFolder)).toEqual([]);
  expect(await own.restart(name)).toMatchObject({ status: 200 });
});
