import { afterAll, expect, inject, it } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createContainerRecorder, createTimelineMemory } from "../../src/timeline/memory.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
const timeline = createTimelineMemory();
const containers = createContainerSource({
  engines: [{ name: "web-1", env: "staging", address: { kind: "unix", socketPath } }],
  rules: rulesOf("timelines"),
  logger: silentLogger,
  observer: createContainerRecorder(timeline),
});
const gateway = await startGateway({ ...createMemorySources().sources, containers, timeline });

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await removeContainers(socketPath, ids);
  await containers.close();
});

async function start(role: string, more: Partial<Parameters<typeof startContainer>[1]> = {}): Promise<string> {
  const id = await startContainer(socketPath, {
    name: `timelines-${role}-staging-v1`,
    labels: { service: "timelines", role, destination: "staging" },
    env: ["KAMAL_VERSION=v1"],
    ...more,
  });
  ids.push(id);
  return id;
}

const query = `{ timeline(from: "10m", first: 100) { nodes { kind container role version env exitCode requested to } coverage { kind known since note } } }`;

async function read(role: string) {
  const { body } = await gateway.query(query);
  expect(body.errors).toBeUndefined();
  const { nodes, coverage } = body.data.timeline;
  const entries = nodes.toReversed();
  return { entries: entries.filter((entry: { role: string }) => entry.role === role), coverage };
}

const kindsOf = async (role: string) => (await read(role)).entries.map(({ kind }: { kind: string }) => kind);
const patient = { timeout: 20_000, interval: 100 };

it("containers' events are known from the first request on", async () => {
  const coverageOf = async () =>
    (await read("web")).coverage.find(({ kind }: { kind: string }) => kind === "CONTAINER_DEATH");
  // On a busy machine an engine may be silent at first.
  await expect.poll(coverageOf).toMatchObject({ known: true, note: null });
  expect(
    Date.now() - Date.parse(timeline.begun("container_death").find(({ name }) => name === "web-1")?.since ?? ""),
  ).toBeLessThan(60_000);
});

it("an exit differs from a requested stop, with its exit code", async () => {
  await start("crashes", { cmd: ["sh", "-c", "sleep 1; exit 3"] });
  const obedient = await start("obeys");
  // It ends at once, but on a busy machine: then not by SIGKILL.
  await callDocker(socketPath, "POST", `/containers/${obedient}/stop?t=60`);
  await expect.poll(() => kindsOf("crashes"), patient).toContain("CONTAINER_DEATH");
  await expect.poll(() => kindsOf("obeys"), patient).toContain("CONTAINER_DEATH");
  const common = { kind: "CONTAINER_DEATH", version: "v1", env: "STAGING" };
  expect((await read("crashes")).entries).toMatchObject([
    { ...common, exitCode: 3, requested: false, container: "timelines-crashes-staging-v1" },
  ]);
  expect((await read("obeys")).entries).toMatchObject([{ ...common, exitCode: 0, requested: true }]);
});

it("crashes after a restart are not requested", async () => {
  const cmd = [
    "sh",
    "-c",
    "[ -e /tmp/again ] && exit 3; touch /tmp/again; trap 'exit 0' TERM; while :; do sleep 0.1; done",
  ];
  const id = await start("loops", { cmd, restartPolicy: "unless-stopped" });
  await callDocker(socketPath, "POST", `/containers/${id}/restart?t=2`);
  const deaths = async () => {
    const { entries } = await read("loops");
    return entries.filter(({ kind }: { kind: string }) => kind === "CONTAINER_DEATH");
  };
  await expect.poll(async () => (await deaths()).length, patient).toBeGreaterThan(3);
  const [first, ...others] = await deaths();
  expect(first).toMatchObject({ requested: true });
  for (const death of others) expect(death).toMatchObject({ exitCode: 3, requested: false });
});

it("the container's own StopSignal is a stop, other signals are not", async () => {
  const trap = "while :; do sleep 0.1; done";
  const own = await start("winches", { cmd: ["sh", "-c", `trap 'exit 0' WINCH; ${trap}`], stopSignal: "SIGWINCH" });
  const reloads = await start("reloads", { cmd: ["sh", "-c", `trap 'exit 4' HUP; ${trap}`] });
  await callDocker(socketPath, "POST", `/containers/${own}/stop?t=20`);
  await callDocker(socketPath, "POST", `/containers/${reloads}/kill?signal=HUP`);
  await expect.poll(() => kindsOf("winches"), patient).toEqual(["CONTAINER_DEATH"]);
  await expect.poll(() => kindsOf("reloads"), patient).toEqual(["CONTAINER_DEATH"]);
  await expect
    .poll(async () => (await read("winches")).entries, patient)
    .toMatchObject([{ exitCode: 0, requested: true }]);
  expect((await read("reloads")).entries).toMatchObject([{ exitCode: 4, requested: false }]);
});

it("changes of health and restarts are entries", async () => {
  const id = await start("sickens", {
    healthCmd: "test -f /tmp/well",
    cmd: ["sh", "-c", "touch /tmp/well; trap 'exit 0' TERM; while :; do sleep 0.1; done"],
  });
  await expect.poll(() => kindsOf("sickens"), patient).toEqual(["HEALTH"]);
  await callDocker(socketPath, "POST", `/containers/${id}/restart?t=1`);
  await expect
    .poll(() => kindsOf("sickens"), patient)
    .toEqual(expect.arrayContaining(["HEALTH", "CONTAINER_DEATH", "RESTART"]));
  expect((await read("sickens")).entries[0]).toMatchObject({ kind: "HEALTH", to: "healthy" });
});

it("a container that ran out of memory is an entry", async () => {
  await start("eats", {
    memory: 32 << 20,
    cmd: ["sh", "-c", "sleep 1; head -c 256m /dev/zero | tail -c 256m >/dev/null; exit 7"],
  });
  await expect.poll(() => kindsOf("eats"), patient).toEqual(expect.arrayContaining(["OOM_KILL", "CONTAINER_DEATH"]));
});
