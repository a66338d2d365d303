import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { runCommand } from "../support/terminal-run.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
let database: TestDatabase;
/** One of the bakery alone, and one of both. */
let bakery: Awaited<ReturnType<typeof startGatewayProcess>>;
let both: Awaited<ReturnType<typeof startGatewayProcess>>;

async function start(service: string, role: string, more: Partial<Parameters<typeof startContainer>[1]> = {}) {
  const name = `${service}-${role}-staging-v1`;
  const labels = { service, role, destination: "staging" };
  const id = await startContainer(socketPath, { name, labels, env: ["KAMAL_VERSION=v1"], ...more });
  ids.push(id);
  return id.slice(0, 12);
}

/** Thirty jobs of a queue that failed just now on a worker. */
async function fail(queue: string, worker: string): Promise<void> {
  await database.query(
    `insert into river_job (kind, state, scheduled_at, attempted_at, finalized_at, attempted_by, attempt, errors)
     select $1::text, 'discarded', now(), now(), now(), array[$2::text], 1,
            array[jsonb_build_object('at', now(), 'attempt', 1, 'error', 'boom', 'trace', '')]
     from generate_series(1, 30)`,
    [queue, `${worker}_2026_11_25T02_03_04`],
  );
}

/**
 * Two products on one engine and in one database: both have failing jobs, and the florist has
 * containers that crash.
 */
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "foreign");
  await createRiverJobs(database);
  const [baker, florist] = await Promise.all([start("bakery", "worker"), start("florist", "worker")]);
  await start("florist", "mail", { cmd: ["sh", "-c", "exit 3"] });
  await start("florist", "web", { cmd: ["sh", "-c", "exit 3"], restartPolicy: "always" });
  await fail("bread", baker);
  await fail("flowers", florist);
  const open = (services: string) =>
    startGatewayProcess(socketPath, services, join(inject("runFolder"), `foreign-${services}.jsonl`), {
      DATABASE_URL: database.url,
    });
  [bakery, both] = await Promise.all([open("bakery"), open("bakery,florist")]);
});
afterAll(async () => {
  await Promise.allSettled([bakery[Symbol.asyncDispose](), both[Symbol.asyncDispose]()]);
  await removeContainers(socketPath, ids);
  await database.drop();
});

type Gateway = typeof bakery;

/** The subjects of the containers' and queues' problems, by their service. */
async function listProblems(gateway: Gateway): Promise<readonly string[]> {
  const { data } = await gateway.query(
    "{ problems { problems { kind service role container { name } queue { name } upstream } } }",
  );
  return data.problems.problems
    .filter(({ upstream }: { upstream: string | null }) => upstream === null)
    .map(({ kind, service, queue, container }: any) => `${kind} ${service}: ${queue?.name ?? container?.name}`)
    .toSorted();
}

async function scrape({ url, token }: Gateway): Promise<readonly string[]> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  return (await answer.text()).split("\n").filter((line) => /^ops_problem\{kind="(?!upstream)/.test(line));
}

const own = ["QUEUE_FAILING bakery: bread"];
const all = [
  "CONTAINER_RESTART_LOOP florist: florist-web-staging-v1",
  ...own,
  "QUEUE_FAILING florist: flowers",
  "ROLE_DOWN florist: florist-mail-staging-v1",
];

describe("another product on the engine", () => {
  it("is in no problem, metric or answer of a gateway that is not its own", async () => {
    await expect.poll(() => listProblems(both)).toEqual(all);
    await expect.poll(() => listProblems(bakery)).toEqual(own);
    expect((await scrape(bakery)).join("\n")).not.toMatch(/florist|flowers/);
    const { out } = await runCommand(bakery.url, ["problems", "-o", "json"], { token: bakery.token });
    expect(out).not.toMatch(/florist|flowers/);
  });

  it("is still listed", async () => {
    const { data } = await bakery.query(
      "{ containers(includeAccessories: true) { name kind } queues { name state owners { service } } }",
    );
    expect(data.containers).toContainEqual({ name: "florist-web-staging-v1", kind: "OTHER" });
    expect(data.queues).toEqual([
      { name: "bread", state: "FAILING", owners: [{ service: "bakery" }] },
      { name: "flowers", state: "FAILING", owners: [{ service: "florist" }] },
    ]);
  });

  it("is named by its own gateway on every line about it", async () => {
    const lines = await scrape(both);
    const about = (text: string) => lines.filter((line) => line.includes(text));
    expect(about('service="florist"')).toHaveLength(3);
    expect(about('service="bakery"')).toHaveLength(1);
    expect(lines).toHaveLength(4);
    const { out } = await runCommand(both.url, ["queues", "-o", "wide"], { token: both.token });
    expect(out).toMatch(/^flowers .*\bflorist\b/m);
    expect(out).toMatch(/^bread .*\bbakery\b/m);
  });
});
