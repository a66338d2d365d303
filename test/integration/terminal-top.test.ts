import { spawnSync } from "node:child_process";
import { connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Container, ContainerStats } from "../../src/containers/container.ts";
import { sampleContainer, sampleStats } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { sampleFailures } from "../support/queues.ts";
import { startTerminal, type TestTerminal } from "../support/pty-terminal.ts";
import { until } from "../support/until.ts";

const shared = { service: "wallet-core", destination: "staging", env: "staging", version: "v7" } as const;
const healthy: readonly Container[] = [
  sampleContainer({ ...shared, name: "wallet-core-web-1" }),
  sampleContainer({ ...shared, name: "wallet-core-web-2" }),
  sampleContainer({ ...shared, name: "wallet-core-worker-1", role: "worker" }),
];
const ill = sampleContainer({ ...shared, name: "wallet-core-web-2", status: "exited", health: "none" });

const now = new Date().toISOString();
const memory = createMemorySources({
  containers: healthy,
  queueSources: [
    {
      name: "river",
      env: "staging",
      metrics: [
        { name: "payouts", depth: 120, oldestAgeSeconds: 700, failuresLastHour: 9, observedAt: now },
        { name: "mails", depth: 0, processedPerSec: 2, observedAt: now },
      ],
      errors: [
        {
          ...sampleFailures({ queue: "payouts", source: "river", error: "no such account" }),
          jobId: "1",
          timestamp: now,
          count: 9,
        },
      ],
    },
  ],
  hosts: [sampleHost({ name: "staging-host-1", cpuUtil: 0.5 })],
});

/** Of the last 4 minutes: ever more CPU. */
function risingUse(): readonly ContainerStats[] {
  return Array.from({ length: 120 }, (_, index) => ({
    ...sampleStats,
    cpuPct: index,
    sampledAt: new Date(Date.now() - (119 - index) * 2000).toISOString(),
  }));
}

let gateway: Awaited<ReturnType<typeof startGateway>>;
let bridge: Awaited<ReturnType<typeof startBridge>>;

beforeAll(async () => {
  gateway = await startGateway({
    ...memory.sources,
    containers: { ...memory.sources.containers, statsHistory: () => risingUse() },
  });
  bridge = await startBridge(Number(new URL(gateway.url).port));
});
afterAll(async () => {
  await bridge[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

/** A way to the gateway that can be cut: all connections end, and new ones too, until `heal`. */
async function startBridge(port: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    if (isCut) {
      socket.destroy();
      return;
    }
    const onward = connect(port, "127.0.0.1");
    onward.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => onward.destroy());
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on("close", () => sockets.delete(one));
    }
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: own } = server.address() as { readonly port: number };
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${own}`,
    cut,
    heal: () => {
      isCut = false;
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Start {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly url?: string;
}

const startTop = ({ url = gateway.url, env = {}, ...size }: Start = {}) =>
  startTerminal({ args: ["src/cli.ts", "top"], env: { OPS_URL: url, OPS_TOKEN: token, ...env }, ...size });

/** A busy machine is slow. */
const soon = { timeout: 20_000 };
const filled = /live\n[^]*problems?:[^]*PROBLEMS [^]*worker +[^]*payouts +[^]*staging-host-1/;

const sgr = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`);

describe("top in a terminal", () => {
  it.each([
    [80, 24],
    [200, 50],
    [120, 40],
  ])("%ix%i shows problems, roles, queues and hosts", async (columns, rows) => {
    await using terminal = startTop({ columns, rows });
    await expect.poll(terminal.text, soon).toMatch(filled);
    expect(terminal.isOtherScreen()).toBe(true);
    expect(terminal.isCursorShown()).toBe(false);
    const text = terminal.text();
    expect(text).toMatch(/^127\.0\.0\.1:\d+ {2}all environments +\d\d:\d\d:\d\d {2}live\n\d+ problems?: /);
    expect(text).toMatch(/critical +.*payouts is stalled/);
    expect(text).toMatch(/ web +.*●● {2}2\/2 running {2}v7/);
    expect(text).toMatch(/payouts +stalled +120/);
    expect(text).toMatch(/staging-host-1 +up +50 % {2}█+░+/);
    await expect.poll(terminal.text, soon).toMatch(/ web +.* 12 % /);
    expect(terminal.bytes()).toMatch(sgr);
  });

  it("NO_COLOR has no colours, and the same words", async () => {
    await using terminal = startTop({ env: { NO_COLOR: "1" } });
    await expect.poll(terminal.text, soon).toMatch(filled);
    expect(terminal.bytes()).not.toMatch(sgr);
  });

  it("sparklines of CPU begin with what was before", async () => {
    await using terminal = startTop({ columns: 200 });
    await expect.poll(terminal.text, soon).toMatch(/ web +.* 12 % .*▂▂▃▃▃.*▅.*▇▇█/);
  });

  it("containers change live", async () => {
    await using terminal = startTop();
    await expect.poll(terminal.text, soon).toMatch(/ web +.*2\/2 running/);
    memory.setContainers(healthy.map((row) => (row.name === ill.name ? ill : row)));
    await expect.poll(terminal.text, soon).toMatch(/ web +.*●○ {2}1\/2 running/);
    memory.setContainers(healthy);
    await expect.poll(terminal.text, soon).toMatch(/ web +.*2\/2 running/);
  });

  it("keys move, open, filter, pause and help", async () => {
    await using terminal = startTop({ columns: 100, rows: 40 });
    await expect.poll(terminal.text, soon).toMatch(filled);
    await expect.poll(terminal.text, soon).toMatch(/^› critical/m);
    terminal.type("gq");
    await expect.poll(terminal.text, soon).toMatch(/^› payouts/m);
    terminal.type("j");
    await expect.poll(terminal.text, soon).toMatch(/^› mails/m);
    terminal.type("\u001b[A");
    await expect.poll(terminal.text, soon).toMatch(/^› payouts/m);
    terminal.type("\r");
    await expect.poll(terminal.text, soon).toMatch(/9 times +no such account/);
    terminal.type("\u001b");
    await expect.poll(terminal.text, soon).toMatch(filled);
    terminal.type("/mail");
    await expect.poll(terminal.text, soon).toMatch(/QUEUES 1 of 2[^]*mails[^]*\/mail/);
    terminal.type("\r\u001b");
    await expect.poll(terminal.text, soon).toMatch(/QUEUES 2/);
    terminal.type(" ");
    await expect.poll(terminal.text, soon).toMatch(/paused/);
    memory.setContainers(healthy.map((row) => (row.name === ill.name ? ill : row)));
    terminal.type("?");
    await expect.poll(terminal.text, soon).toMatch(/q, Ctrl-C +quit/);
    terminal.type("?");
    await expect.poll(terminal.text, soon).toMatch(/paused[^]* web +.*2\/2 running/);
    terminal.type(" ");
    await expect.poll(terminal.text, soon).toMatch(/ web +.*1\/2 running/);
    memory.setContainers(healthy);
    terminal.type("e");
    await expect.poll(terminal.text, soon).toMatch(/ production [^]*ROLES 0/);
    terminal.type("e");
    await expect.poll(terminal.text, soon).toMatch(/ staging [^]*ROLES 2/);
  });

  it("a resize draws the screen anew, and too small a one says so", async () => {
    await using terminal = startTop();
    await expect.poll(terminal.text, soon).toMatch(filled);
    terminal.resize(120, 30);
    await expect.poll(() => terminal.lines()[29], soon).toContain("q quit");
    await expect.poll(terminal.text, soon).toMatch(filled);
    terminal.resize(30, 8);
    await expect.poll(terminal.text, soon).toMatch(/^The terminal is 30x8:\ntop needs at least 40x10\./);
    terminal.resize(80, 24);
    await expect.poll(terminal.text, soon).toMatch(filled);
  });

  it("a lost connection is shown, keeps old rows, and recovers by itself", async () => {
    await using terminal = startTop({ url: bridge.url, columns: 120 });
    await expect.poll(terminal.text, soon).toMatch(filled);
    bridge.cut();
    await expect
      .poll(terminal.text, soon)
      .toMatch(/no connection since \d\d:\d\d:\d\d[^]*payouts +stalled[^]*staging-host-1/);
    bridge.heal();
    await expect.poll(terminal.text, soon).toMatch(filled);
    memory.setContainers(healthy.map((row) => (row.name === ill.name ? ill : row)));
    await expect.poll(terminal.text, soon).toMatch(/ web +.*1\/2 running/);
    memory.setContainers(healthy);
  });

  it("lines that did not change are not written again", async () => {
    await using terminal = startTop();
    await expect.poll(terminal.text, soon).toMatch(filled);
    await expect.poll(terminal.text, soon).toMatch(/ web +.* 12 % /);
    const before = terminal.bytes().length;
    terminal.type("j");
    await expect.poll(terminal.text, soon).toMatch(/^› /m);
    await until(() => terminal.bytes().length > before);
    const written = terminal.bytes().slice(before);
    expect(written).not.toContain("staging-host-1");
    expect(written).not.toContain(`${String.fromCharCode(27)}[2J`);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("the end of top", () => {
  const restored = async (terminal: TestTerminal) => {
    const { exitCode } = await terminal.exit;
    expect(terminal.isOtherScreen()).toBe(false);
    expect(terminal.isCursorShown()).toBe(true);
    return exitCode;
  };

  it.each([
    ["q", "q"],
    ["Ctrl-C", "\u0003"],
  ])("%s gives the terminal back", async (_name, key) => {
    await using terminal = startTop();
    await expect.poll(terminal.text, soon).toMatch(filled);
    terminal.type(key);
    expect(await restored(terminal)).toBe(0);
    expect(terminal.text()).not.toContain("PROBLEMS");
  });

  it.each(["SIGTERM", "SIGINT"])("%s gives the terminal back", async (signal) => {
    await using terminal = startTop();
    await expect.poll(terminal.text, soon).toMatch(filled);
    terminal.kill(signal);
    expect(await restored(terminal)).toBe(130);
  });

  it("Ctrl-Z leaves the screen, and comes back to it", async () => {
    await using terminal = startTop();
    await expect.poll(terminal.text, soon).toMatch(filled);
    terminal.type("\u001a");
    await expect.poll(() => terminal.bytes().split("\u001b[?1049h").length, soon).toBe(3);
    await expect.poll(terminal.text, soon).toMatch(filled);
    expect([terminal.isOtherScreen(), terminal.isCursorShown()]).toEqual([true, false]);
  });

  it("a refused token gives the terminal back, and says so", async () => {
    await using terminal = startTop({ env: { OPS_TOKEN: "wrong-token-0123456789" } });
    expect(await restored(terminal)).toBe(1);
    expect(terminal.text()).toMatch(/error: .*\(unauthorized\)/);
  });

  it("an exception gives the terminal back, and is shown", async () => {
    const script = `
      const { createDisplay } = await import("./src/terminal/top/display.ts");
      const { stdin, stdout, stderr } = process;
      const display = createDisplay({ stdin, stdout, stderr });
      display.enter();
      display.draw(["drawn"]);
      stdin.once("data", () => { throw new Error("a defect"); });`;
    await using terminal = startTerminal({ args: ["--input-type=module", "-e", script] });
    await until(() => terminal.isOtherScreen() && !terminal.isCursorShown());
    terminal.type("x");
    expect(await restored(terminal)).toBe(1);
    expect(terminal.text()).toContain("Error: a defect");
  });

  it("a closed window ends the program", async () => {
    await using terminal = startTop();
    await expect.poll(terminal.text, soon).toMatch(filled);
    terminal.close();
    await expect.poll(() => isAlive(terminal.pid), soon).toBe(false);
    await terminal.exit;
  });

  it("no terminal is refused with what to use", () => {
    const env = { PATH: process.env["PATH"], OPS_URL: gateway.url, OPS_TOKEN: token };
    const { status, stdout, stderr } = spawnSync(process.execPath, ["src/cli.ts", "top"], { env, encoding: "utf8" });
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^top needs a terminal; use problems, ps, queues\n/);
  });
});
