import { beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../../script/services/process.ts";
import type { Container } from "../../../src/containers/container.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { Job, JobReader } from "../../../src/queues/job.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../../support/deploys.ts";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { createMemoryJobs, type QueueFigures, sampleJob } from "../../support/queues.ts";
import { runCommand } from "../../support/terminal-run.ts";
import { createTokens } from "../../support/tokens.ts";
import { until } from "../../support/until.ts";

const one = (name: string, more: Partial<Container> = {}) =>
  sampleContainer({ name, version: "v2", host: `host-${name}`, hostNames: [], ...more });
const fleet = [one("web-1"), one("worker-1", { role: "worker", health: "none" })];
const running = (jobId: string, host: string | null, more: Partial<Job> = {}) =>
  sampleJob({
    jobId,
    queue: "mail",
    state: "running",
    systemState: "running",
    host,
    worker: host,
    finishedAt: null,
    ...more,
  });

/** Reads the jobs that are in the list at the time. */
const readNow = (rows: readonly Job[]): JobReader => ({
  ...createMemoryJobs([]),
  page: (query, signal) => createMemoryJobs(rows).page(query, signal),
});

const source = (
  jobs: readonly Job[],
  metrics: QueueFigures[] = [{ name: "mail" }],
  more = {},
): Memory["queueSources"][number] => ({
  name: "jobs",
  env: "staging",
  metrics,
  errors: [],
  jobs: readNow(jobs),
  ...more,
});

async function start(memory: Partial<Memory>, tokensFile?: string) {
  const made = createMemorySources({ containers: fleet, ...memory });
  const gateway = await startGateway(made.sources, tokensFile === undefined ? {} : { tokensFile });
  return { ...made, url: gateway.url, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

// What the first answer loads takes long on a busy machine, and one look has ten seconds.
beforeAll(async () => {
  await using gateway = await start({});
  await runCommand(gateway.url, ["wait", "--healthy", "--timeout", "90s"]);
});

/** Looks once. */
const lookOnce = (url: string, ...args: string[]) => runCommand(url, ["wait", ...args, "--timeout", "0"]);
const met = { code: 0, out: "", err: expect.stringMatching(/^looking once: .*\nit holds\n$/) };
const notMet = (why: string) => ({
  code: 3,
  out: "",
  err: expect.stringMatching(new RegExp(`^looking once: .*\\nNot met: ${why.replaceAll(/[().]/g, "\\$&")}\\n$`)),
});

describe("wait --healthy", () => {
  it("holds for healthy ones, and those that run without a check", async () => {
    await using gateway = await start({});
    expect(await lookOnce(gateway.url, "--healthy", "--role", "web", "--role", "worker")).toEqual(met);
    expect((await lookOnce(gateway.url, "--healthy", "--role", "web")).err).toContain(
      "every container of web is healthy",
    );
  });

  it.each([
    [{ health: "unhealthy" as const }, "bad is unhealthy"],
    [{ health: "starting" as const }, "bad is starting"],
    // Later than now, as the test may take long.
    [{ health: "none" as const, startedAt: "2100-01-01T00:00:00Z" }, "bad has just started"],
    [{ health: "none" as const, status: "restarting" }, "bad is restarting"],
  ])("does not hold with %j", async (more, why) => {
    await using gateway = await start({ containers: [...fleet, one("bad", more)] });
    expect(await lookOnce(gateway.url, "--healthy")).toEqual(notMet(why));
    expect((await lookOnce(gateway.url, "--healthy", "--role", "worker")).code).toBe(0);
  });

  it("does not hold for a role without containers, or elsewhere", async () => {
    await using gateway = await start({});
    expect(await lookOnce(gateway.url, "--healthy", "--role", "wbe")).toEqual(
      notMet("no container of the role wbe is known"),
    );
    const elsewhere = await lookOnce(gateway.url, "--healthy", "--role", "web", "--destination", "beta");
    expect(elsewhere).toEqual(notMet("no container of the role web is known (beta)"));
    expect(
      (await lookOnce(gateway.url, "--healthy", "--destination", "", "--service", "wallet-core-staging")).code,
    ).toBe(0);
  });

  it("does not hold while an engine is silent, unless that is ignored", async () => {
    const error = { code: "docker_unavailable", message: "gone" } as const;
    await using gateway = await start({
      engines: [
        { name: "local", ok: true, error: null },
        { name: "far", ok: false, error },
      ],
    });
    expect(await lookOnce(gateway.url, "--healthy")).toEqual(
      notMet("engine far does not answer, so what runs there is unknown: gone"),
    );
    expect(await lookOnce(gateway.url, "--healthy", "--ignore-unknown")).toEqual(met);
  });

  it("says what changes meanwhile, and ends when it holds", async () => {
    await using gateway = await start({ containers: [one("web-1", { health: "starting" })] });
    const stderr: string[] = [];
    const waiting = runCommand(gateway.url, ["wait", "--healthy", "--interval", "1s", "--timeout", "1m"], {
      onError: (text) => stderr.push(text),
    });
    await until(async () => stderr.join("").includes("not yet"));
    gateway.setContainers([one("web-1")]);
    expect(await waiting).toEqual({
      code: 0,
      out: "",
      err: "waiting up to 60 s: every container is healthy\nnot yet: web-1 is starting\nit holds\n",
    });
  });
});

describe("wait --release", () => {
  it("holds when every container runs it, by version, commit or tag", async () => {
    const commit = "0123456789abcdef0123456789abcdef01234567";
    const deployLogs = [sampleDeployLog([sampleRecord({ tag: "friday", version: commit })])];
    await using gateway = await start({ containers: [one("web-1", { version: commit })], deployLogs });
    for (const tag of [commit, commit.slice(0, 7), "friday"]) {
      expect(await lookOnce(gateway.url, "--release", tag), tag).toEqual(met);
    }
    expect(await lookOnce(gateway.url, "--release", commit.slice(0, 6))).toEqual(notMet("web-1 runs 0123456"));
  });

  it("holds for a tag as ps shows it, and for the commit of a tag", async () => {
    const [version, commitSha] = ["deploy-20261127-090637-staging", "4028775aaaabbbbccccddddeeeeffff000011112"];
    await using gateway = await start({ containers: [one("web-1", { version, commitSha })] });
    for (const release of [version, "1127-090637", "4028775", commitSha]) {
      expect(await lookOnce(gateway.url, "--release", release), release).toEqual(met);
    }
    expect(await lookOnce(gateway.url, "--release", "1127-090638")).toEqual(notMet("web-1 runs 1127-090637"));
    expect(await lookOnce(gateway.url, "--release", "402877")).toEqual(notMet("web-1 runs 1127-090637"));
  });

  it("and health must hold at the same look", async () => {
    await using gateway = await start({ containers: [...fleet, one("web-2", { version: "v1", health: "starting" })] });
    const args = ["--release", "v2", "--healthy", "--role", "web"];
    expect(await lookOnce(gateway.url, ...args)).toEqual(notMet("web-2 is starting; web-2 runs v1"));
    expect((await lookOnce(gateway.url, "--release", "v2", "--role", "worker")).code).toBe(0);
  });
});

describe("wait --idle", () => {
  it("names the jobs that a deploy would kill, until they end", async () => {
    const jobs = [running("7", "host-worker-1", { kind: "welcome" }), running("8", "host-web-1")];
    await using gateway = await start({ queueSources: [source(jobs)] });
    const busy = await lookOnce(gateway.url, "--idle", "--role", "worker");
    expect(busy.err).toMatch(/\nNot met: job 7 \(mail, welcome\) runs in worker-1 since \d\d:\d\d:\d\d\n$/);
    jobs.shift();
    expect(await lookOnce(gateway.url, "--idle", "--role", "worker")).toEqual(met);
    expect((await lookOnce(gateway.url, "--idle")).code).toBe(3);
  });

  it("does not hold for jobs of unknown containers, unless ignored", async () => {
    const jobs = Array.from({ length: 7 }, (_, index) => running(String(index + 1), index === 0 ? "gone" : null));
    await using gateway = await start({ queueSources: [source(jobs)] });
    const unknown = notMet("jobs: the container of jobs 1, 2, 3, 4, 5 and 2 more is unknown");
    expect(await lookOnce(gateway.url, "--idle", "--role", "worker")).toEqual(unknown);
    expect(await lookOnce(gateway.url, "--idle", "--role", "worker", "--ignore-unknown")).toEqual(met);
  });

  it("asks the queues of a source that cannot list its jobs", async () => {
    const broker = (active: number | null) => ({
      name: "broker",
      env: "staging" as const,
      metrics: [{ name: "mail", active }],
      errors: [],
    });
    await using gateway = await start({ queueSources: [broker(0)] });
    expect(await lookOnce(gateway.url, "--idle")).toEqual(met);
    await using busy = await start({ queueSources: [broker(2)] });
    expect(await lookOnce(busy.url, "--idle")).toEqual(
      notMet("broker: 2 of its jobs run, but not known in which containers"),
    );
    expect((await lookOnce(busy.url, "--idle", "--env", "staging", "--ignore-unknown")).code).toBe(0);
    await using silent = await start({ queueSources: [broker(null)] });
    expect((await lookOnce(silent.url, "--idle")).err).toContain("broker: unknown which jobs run");
  });

  it("does not hold while a source is silent", async () => {
    const gone = new OpsError("postgres_unavailable", "PostgreSQL cannot be reached");
    const jobs = { ...createMemoryJobs([]), page: () => Promise.reject(gone) };
    await using gateway = await start({ queueSources: [{ ...source([]), metrics: gone, jobs }] });
    const run = await lookOnce(gateway.url, "--idle", "--role", "worker");
    expect(run).toEqual(notMet("jobs: unknown which jobs run (PostgreSQL cannot be reached)"));
  });
});

describe("wait --queue-empty", () => {
  it("holds when no job waits or runs in any of the queues", async () => {
    const metrics: QueueFigures[] = [
      { name: "mail", depth: 1200 },
      { name: "sms", active: 2 },
      { name: "fax", active: 0 },
    ];
    await using gateway = await start({ queueSources: [source([], metrics)] });
    expect(await lookOnce(gateway.url, "--queue-empty", "fax", "--source", "jobs")).toEqual(met);
    const both = await lookOnce(gateway.url, "--queue-empty", "mail", "--queue-empty", "sms");
    const silent = "its job system does not record what runs";
    expect(both).toEqual(notMet(`mail (jobs): 1,200 waiting; mail (jobs): ${silent}; sms (jobs): 2 running`));
    expect(await lookOnce(gateway.url, "--queue-empty", "fex")).toEqual(notMet("no source lists a queue named fex"));
    expect((await lookOnce(gateway.url, "--queue-empty", "fex", "--ignore-unknown")).code).toBe(0);
  });
});

describe("wait", () => {
  it.each([
    [[], "A condition is required"],
    [["--release", ""], "--release is empty"],
    [["--idle", "--role", "web", "--role", ""], "--role is empty"],
    [["--healthy", "--interval", "0"], "--interval must be at least 1s"],
    [["--healthy", "--timeout", "soon"], "--timeout must be a time such as"],
    [["--healthy", "--env", "x"], "--env must be production or staging"],
  ])("%j is an error of usage", async (args, message) => {
    const run = await runCommand("http://127.0.0.1:1", ["wait", ...args]);
    expect([run.code, run.err]).toEqual([2, expect.stringContaining(message)]);
  });

  it("ends at once with 1 for what does not pass", async () => {
    using tokens = createTokens({ logs: { scopes: ["ops:logs"] } });
    await using gateway = await start({}, tokens.file);
    const args = ["wait", "--healthy", "--timeout", "1m"];
    expect(await runCommand(gateway.url, args, { token: tokens.of("logs") })).toMatchObject({
      code: 1,
      err: expect.stringContaining("forbidden"),
    });
    expect(await runCommand(gateway.url, args, { token: "wrong-token-0123456789" })).toMatchObject({ code: 1 });
    const unknown = await runCommand(gateway.url, ["wait", "--idle", "--source", "x", "--timeout", "1m"]);
    expect([unknown.code, unknown.err]).toEqual([
      1,
      expect.stringContaining("No source of jobs is named x (not_found)"),
    ]);
  });

  it("goes on while the gateway cannot be reached, until the time is up", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const run = await runCommand(url, ["wait", "--healthy", "--timeout", "1s", "--interval", "1s"]);
    expect(run.code).toBe(3);
    expect(run.err).toMatch(/^waiting up to 1 s: .*\nNot met after 1 s: .* cannot be reached .*\(unreachable\)\n$/);
  });

  it("ends with 130 when it is stopped", async () => {
    await using gateway = await start({ containers: [] });
    const run = await runCommand(gateway.url, ["wait", "--healthy"], { stop: AbortSignal.timeout(500) });
    expect(run.code).toBe(130);
  });
});

describe("wait --service", () => {
  const billing = { service: "billing" };
  const idle = (name: string) => ({ name, depth: 0, active: 0 });
  const busy = (name: string) => ({ name, depth: 3, active: 1 });

  it("does not wait for the jobs of a queue of another service", async () => {
    await using gateway = await start({
      containers: [one("web-1", { service: "shop" })],
      queueSources: [
        source([], [idle("mail")], { owner: { service: "shop" } }),
        source([running("7", null)], [busy("mail"), busy("bills")], { name: "others", owner: billing }),
      ],
    });
    const shop = ["--service", "shop"];
    expect(await lookOnce(gateway.url, "--idle", "--queue-empty", "mail", ...shop)).toEqual(met);
    expect(await lookOnce(gateway.url, "--queue-empty", "mail")).toEqual(notMet("mail (others): 3 waiting, 1 running"));
    // Probably a mistake: nothing says that it is empty.
    expect(await lookOnce(gateway.url, "--queue-empty", "bills", ...shop)).toEqual(
      notMet("bills (others) is of billing"),
    );
  });

  it("does not wait for a source of another service that is silent", async () => {
    const down = new OpsError("postgres_unavailable", "gone");
    await using gateway = await start({
      containers: [one("web-1", { service: "shop" })],
      queueSources: [
        source([], [idle("mail")], { owner: { service: "shop" } }),
        { ...source([], [], { name: "others", owner: billing }), metrics: down, errors: down },
      ],
    });
    expect(await lookOnce(gateway.url, "--queue-empty", "mail", "--service", "shop")).toEqual(met);
    expect((await lookOnce(gateway.url, "--queue-empty", "mail")).code).toBe(3);
  });

  it("waits for the jobs of a queue that may be of the service", async () => {
    const shop = one("web-1", { service: "shop", destination: "beta" });
    const owners = [{ service: "shop" }, { service: "shop", destination: "beta" }, undefined];
    for (const owner of owners) {
      await using gateway = await start({
        containers: [shop, one("web-2", { service: "billing" })],
        queueSources: [source([], [busy("mail")], owner && { owner })],
      });
      const run = await lookOnce(gateway.url, "--queue-empty", "mail", "--service", "shop", "--destination", "beta");
      expect(run).toEqual(notMet("mail (jobs): 3 waiting, 1 running"));
    }
  });
});
