import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { type LogOptions, type LogPage, type LogPoint, toMoment } from "../../src/containers/logs/log.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { removeContainers, runContainer, soon } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const socketPath = inject("dockerSocket");
const source = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
  rules: rulesOf("logpages"),
  logger: silentLogger,
});
const gateway = await startGateway({ ...createMemorySources().sources, containers: source });
const ids: Record<string, string> = {};

/** 1,500 lines of two streams in three bursts, more than a second apart. */
const script = (name: string) =>
  `for b in 1 2 3; do for i in $(seq 400); do echo ${name}-$b-$i; done; for i in $(seq 100); do echo ${name}-err-$b-$i >&2; done; sleep 1.2; done`;

beforeAll(async () => {
  const start = async (name: string, tty: boolean) => {
    const labels = { service: "logpages", destination: "staging", role: tty ? "tty" : "web" };
    const env = ["KAMAL_VERSION=v1"];
    ids[name] = await runContainer(socketPath, {
      name: `logpages-${name}`,
      labels,
      env,
      cmd: ["sh", "-c", script(name)],
      tty,
    });
  };
  await Promise.all([start("a", false), start("b", false), start("t", true)]);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await source.close();
  await removeContainers(socketPath, Object.values(ids));
});

async function read(name: string, options: Partial<LogOptions>): Promise<LogPage> {
  return source.logs(
    { engine: "web-1", fullId: ids[name] ?? "" },
    { tail: 5000, ...options },
    createSharedBudget(soon()),
  );
}
const around = (point: LogPoint, older: number, newer: number) => ({ around: { point, older, newer } });
const messages = ({ lines }: LogPage) => lines.map(({ message }) => message);

describe.each(["a", "t"])("the log of a container (%s)", (name) => {
  it.each([
    [3, 50],
    [700, 333],
    [1490, 70],
  ])("is walked from line %i in pages of %i, each line once", async (from, size) => {
    const all = await read(name, {});
    expect(all.lines).toHaveLength(1500);
    const page = await read(name, around(toMoment(all.lines[from]?.timestamp ?? ""), size, size));
    expect(page.lines[page.olderCount]?.timestamp).toBe(all.lines[from]?.timestamp);
    const walked = messages(page);
    let [{ start, truncated }, { end, hasNewer }] = [page, page];
    while (truncated && start) {
      const older = await read(name, around(start, size, 0));
      walked.unshift(...messages(older));
      ({ start, truncated } = older);
    }
    while (hasNewer && end) {
      const newer = await read(name, around(end, 0, size));
      walked.push(...messages(newer));
      ({ hasNewer } = newer);
      end = newer.end ?? end;
    }
    expect(walked).toEqual(messages(all));
  });

  it("is walked back from the newest with a filter", async () => {
    const filter = { search: "-err-" };
    let page = await read(name, { ...filter, tail: 40 });
    const walked = messages(page);
    while (page.truncated && page.start) {
      page = await read(name, { ...filter, ...around(page.start, 40, 0) });
      walked.unshift(...messages(page));
    }
    expect(walked).toEqual(messages(await read(name, filter)));
    expect(walked).toHaveLength(300);
  });
});

it("the log of a role is walked from a time, each line once", async () => {
  const ask = async (args: string) => {
    const fields = "lines { message container { name } } hasOlder hasNewer startCursor endCursor atIndex";
    const { data, errors } = (await gateway.query(`{ logs(role: "web", ${args}) { ${fields} } }`)).body;
    expect(errors).toBeUndefined();
    return data.logs;
  };
  const texts = (page: any): string[] => page.lines.map(({ message }: any) => message);
  const all = await read("a", {});
  let page = await ask(`tail: 500, at: "${all.lines[700]?.timestamp ?? ""}"`);
  expect(page.atIndex).toBe(250);
  const walked = texts(page);
  let { endCursor, hasNewer } = page;
  while (page.hasOlder) {
    page = await ask(`tail: 500, before: "${page.startCursor}"`);
    walked.unshift(...texts(page));
  }
  while (hasNewer) {
    const newer = await ask(`tail: 500, after: "${endCursor}"`);
    walked.push(...texts(newer));
    ({ hasNewer } = newer);
    endCursor = newer.endCursor ?? endCursor;
  }
  for (const name of ["a", "b"])
    expect(walked.filter((text) => text.startsWith(`${name}-`))).toEqual(messages(await read(name, {})));
});
