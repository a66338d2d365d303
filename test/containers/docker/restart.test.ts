import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Engine } from "../../../src/containers/docker/engine/engine.ts";
import { createStarts } from "../../../src/containers/docker/engine/events.ts";
import { createRestarter } from "../../../src/containers/docker/restart.ts";
import { createFairLimit } from "../../../src/lib/budget/fair-limit.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { context, facts } from "../../support/docker-facts.ts";
import { eventLine, fullId } from "../../support/docker-fake.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

const id = fullId("a");
const ref = { engine: "web-1", fullId: id };
const coded = (code: string) => Object.assign(new Error("x"), { code });

function setUp(graceMs = 1500) {
  const log: string[] = [];
  const state = {
    stopTimeout: null as number | null,
    labels: {} as Record<string, string>,
    /** What the inspections do, one after the other; the last one for ever. */
    inspections: [async () => {}] as (() => Promise<void>)[],
    restart: async (): Promise<number> => 204,
    stream: new PassThrough(),
    query: null as unknown,
  };
  const engine = {
    name: "web-1",
    starts: createStarts(),
    limits: { inspect: createFairLimit(10) },
    known: async () => ({ context: context() }),
    async ask(deadlineMs: number, run: (signal: AbortSignal) => Promise<unknown>) {
      log.push(`ask ${deadlineMs}`);
      return run(new AbortController().signal);
    },
    client: {
      controlSocket: "/run/docker.sock" as string | null,
      info: async () => ({ id: "e1", at: Date.parse("2026-01-13T10:00:00Z") }),
      restart(fullIdOf: string, { t }: { t: number }) {
        log.push(`restart ${fullIdOf === id} ${t}`);
        return state.restart();
      },
      async openEvents(query: unknown) {
        state.query = query;
        return state.stream as unknown as IncomingMessage;
      },
    },
    async inspect() {
      log.push("inspect");
      const act = state.inspections.length > 1 ? state.inspections.shift() : state.inspections[0];
      await act?.();
      return {
        raw: facts({ fullId: id, state: "exited", labels: state.labels }),
        tty: false,
        stopTimeout: state.stopTimeout,
      };
    },
  } as unknown as Engine;
  const restarter = createRestarter(graceMs);
  return { state, log, engine, restarter, restart: (t = 10) => restarter.restart(engine, ref, t) };
}
const rejects = (error: unknown) => async () => {
  throw error;
};
const errorOf = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason as OpsError,
  );
  return (
    error && {
      code: error.code,
      message: error.message,
      upstream: error.upstream,
      status: error.upstreamStatus,
      cause: error.cause,
    }
  );
};
const shown = (code: string, message: string, cause: unknown, status?: number) => ({
  code,
  message: `Docker engine web-1: ${message}`,
  upstream: "docker:web-1",
  status,
  cause,
});

describe("a restart", () => {
  it.each([
    [null, 10],
    [0, 0],
    [-1, 0],
    [30, 30],
    [2.5, 3],
    [60, 60],
    [61, 60],
  ])("of a container that asks for %s s has %i s to stop", async (stopTimeout, t) => {
    const { state, log, restarter, engine, restart } = setUp();
    state.stopTimeout = stopTimeout;
    const { mark } = await restarter.mark(engine, ref);
    expect(mark.stopSeconds).toBe(t);
    log.length = 0;
    const { container, dockerStatus } = await restart(mark.stopSeconds);
    expect(log).toEqual([`ask ${t * 1000 + 1500}`, `restart true ${t}`, "inspect"]);
    expect([container.fullId, container.status, dockerStatus]).toEqual([id, "exited", 204]);
  });

  it("of a container that is being restarted is refused until its end", async () => {
    const { state, restart, restarter, engine } = setUp();
    const end = Promise.withResolvers<number>();
    state.restart = () => end.promise;
    const first = restart();
    expect(await errorOf(restart())).toMatchObject({
      code: "restart_in_progress",
      message: "This container is being restarted already",
    });
    const other = restarter.restart(engine, { engine: "web-1", fullId: fullId("b") }, 10);
    let settled = false;
    const settling = restarter.settle().then(() => (settled = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    end.resolve(204);
    await Promise.all([first, other, settling]);
    await restart();
    await restarter.settle();
  });

  it("that fails does not block the next", async () => {
    const { state, restart, restarter } = setUp();
    state.restart = rejects(new OpsError("docker_forbidden", "x"));
    const failing = restart();
    failing.catch(() => {});
    await restarter.settle();
    await expect(failing).rejects.toThrow("x");
    state.restart = async () => 200;
    expect((await restart()).dockerStatus).toBe(200);
  });
});

describe("a restart that fails", () => {
  const timeout = new OpsError("docker_timeout", "late");
  const reset = new OpsError("docker_unavailable", "x", { cause: coded("ECONNRESET") });
  const gone = new OpsError("docker_unavailable", "x", {
    cause: Object.assign(coded("ETIMEDOUT"), { syscall: "read" }),
  });
  const away = new OpsError("docker_unavailable", "x", {
    cause: Object.assign(coded("ETIMEDOUT"), { syscall: "connect" }),
  });
  const badGateway = new OpsError("docker_unavailable", "x", { upstreamStatus: 502 });
  const unavailable = new OpsError("docker_unavailable", "x", { upstreamStatus: 503 });
  const pipe = new OpsError("docker_unavailable", "x", { cause: coded("EPIPE") });
  const refused = new OpsError("docker_unavailable", "x", { cause: coded("ECONNREFUSED") });
  const bare = new OpsError("docker_unavailable", "x");
  const forbidden = new OpsError("docker_forbidden", "x");
  const cause = new Error("no port");
  const failed = new OpsError("docker_error", "it answered with status 500", { cause, upstreamStatus: 500 });

  it.each<[string, OpsError, object, number]>([
    ["late", timeout, shown("restart_unknown", "the restart did not end in time; it may still go on", timeout), 0],
    ["cut off", reset, shown("restart_unknown", "the engine was lost during the restart", reset), 0],
    ["cut off by its network", gone, shown("restart_unknown", "the engine was lost during the restart", gone), 0],
    ...[badGateway, unavailable].map((error): [string, OpsError, object, number] => [
      `cut off behind a proxy that says ${error.upstreamStatus}`,
      error,
      shown("restart_unknown", "the engine was lost during the restart", error, undefined),
      0,
    ]),
    [
      "before its host answers",
      away,
      { code: "docker_unavailable", message: "x", upstream: undefined, cause: away.cause },
      0,
    ],
    ["cut off as it is sent", pipe, shown("restart_unknown", "the engine was lost during the restart", pipe), 0],
    [
      "by the engine",
      failed,
      shown("docker_error", "the restart failed and the container was left exited", cause, 500),
      1,
    ],
    [
      "before it is sent",
      refused,
      { code: "docker_unavailable", message: "x", upstream: undefined, cause: refused.cause },
      0,
    ],
    [
      "for no known cause",
      bare,
      { code: "docker_unavailable", message: "x", upstream: undefined, cause: undefined },
      0,
    ],
    [
      "as it is not allowed",
      forbidden,
      { code: "docker_forbidden", message: "x", upstream: undefined, cause: undefined },
      0,
    ],
  ])("%s is reported", async (_, error, expected, looks) => {
    const { state, log, restart } = setUp();
    state.restart = rejects(error);
    expect(await errorOf(restart())).toEqual({ status: undefined, ...expected });
    expect(log.filter((line) => line === "inspect")).toHaveLength(looks);
  });

  it("and whose container cannot be inspected is unknown", async () => {
    const { state, restart } = setUp();
    state.restart = rejects(failed);
    state.inspections = [rejects(timeout)];
    expect(await errorOf(restart())).toEqual(
      shown("restart_unknown", "the restart failed, and it cannot be asked how the container is", failed, 500),
    );
  });

  it("to inspect after a success is a known restart", async () => {
    const { state, restart } = setUp();
    state.inspections = [rejects(timeout)];
    expect(await errorOf(restart())).toEqual(
      shown("restart_unknown", "restarted, but it cannot be asked how the container is", timeout, 204),
    );
  });
});

describe("an inspection before a restart", () => {
  it.each([
    [{}, null],
    [{ "wallet-core-ops.protected": "true" }, "label wallet-core-ops.protected"],
    [{ "wallet-core-ops.protected": "TRUE" }, null],
    [{ "wallet-core-ops.protected": "" }, null],
  ])("of a container of the labels %j finds the protection %s", async (labels, protectedBy) => {
    const { state, restarter, engine } = setUp();
    state.labels = labels;
    const look = await restarter.inspect(engine, ref);
    // In a container that cannot find out its own id every container is protected.
    expect([
      look.container.fullId,
      look.protectedBy?.startsWith("the gateway") ? protectedBy : look.protectedBy,
    ]).toEqual([id, protectedBy]);
  });
});

describe("the mark of a restart", () => {
  it("has its socket with the machine, and none over a network", async () => {
    const { restarter, engine } = setUp();
    const { socket } = (await restarter.mark(engine, ref)).mark;
    expect(socket).toMatch(/^\S{4,} \/run\/docker\.sock$/);
    expect((await createRestarter(0).mark(engine, ref)).mark.socket).toBe(socket);
    Object.assign(engine.client, { controlSocket: null });
    expect((await restarter.mark(engine, ref)).mark.socket).toBeNull();
  });
});

describe("whether a container was restarted", () => {
  const since = new Date("2026-01-13T09:46:00.050Z");
  const until = new Date("2200-01-01T00:00:00Z");
  const ask = (kit: ReturnType<typeof setUp>) => kit.restarter.restartedSince(kit.engine, ref, since, until);

  it("is known at once if the event was seen", async () => {
    const kit = setUp();
    const event = { fullId: id, time: "2026-01-13T09:46:01Z", detail: "", attributes: {} };
    for (const action of ["restart", "start"]) kit.engine.starts.record({ ...event, action });
    expect(await ask(kit)).toBe(true);
    expect(kit.log).toEqual([]);
  });

  it.each([[["restart", "start"]], [["start", "restart"]]])(
    "is asked of the engine, which reports %j",
    async (actions) => {
      const kit = setUp();
      const asked = ask(kit);
      for (const action of actions) kit.state.stream.write(eventLine(action, id));
      expect(await asked).toBe(true);
      expect(kit.log).toEqual(["ask 2000"]);
      expect(kit.state.query).toEqual({
        since: "1768297560.050",
        filters: JSON.stringify({ type: ["container"], container: [id], event: ["restart", "start"] }),
      });
      expect([kit.state.stream.destroyed, vi.getTimerCount()]).toEqual([true, 0]);
    },
  );

  it.each([[["restart"]], [["start"]], [[]]])("is denied after a second if it reports %j alone", async (actions) => {
    const kit = setUp();
    let answer: boolean | null = null;
    void ask(kit).then((found) => (answer = found));
    for (const action of actions) kit.state.stream.write(eventLine(action, id));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(999);
    expect(answer).toBeNull();
    await vi.advanceTimersByTimeAsync(1);
    await expect.poll(() => answer).toBe(false);
  });
});
