import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createClient, FollowContainers } from "../../src/client/client.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { createNamespace, type NetworkNamespace } from "../support/network-namespace.ts";
import { until } from "../support/until.ts";

type GatewayProcess = Awaited<ReturnType<typeof startGatewayProcess>>;

const networks: NetworkNamespace[] = [];
const gateways: GatewayProcess[] = [];

beforeAll(async () => {
  for (let count = 0; count < 2; count += 1) {
    const network = createNamespace();
    networks.push(network);
    const audit = join(mkdtempSync(join(inject("runFolder"), "paths-")), "audit.jsonl");
    gateways.push(await startGatewayProcess(inject("dockerSocket"), "paths", audit, {}, network));
  }
});
afterAll(async () => {
  for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
  for (const network of networks) network.remove();
});

const follow = ({ url, token }: GatewayProcess, silenceMs?: number) =>
  createClient({ url, token, ...(silenceMs && { silenceMs }) }).subscribe(FollowContainers, {});

/** How a stream ended, and after how many ms; the first message has been read. */
async function readEnd(messages: ReturnType<typeof follow>) {
  const startedAt = performance.now();
  const code = await messages.next().then(
    ({ done }) => (done ? "ended" : "message"),
    (error: { code: string }) => error.code,
  );
  return { code, afterMs: performance.now() - startedAt };
}

describe.concurrent("a stream whose network vanished", () => {
  it("is closed by the gateway, and its place is free again", async () => {
    const [gateway, network] = [gateways[0] as GatewayProcess, networks[0] as NetworkNamespace];
    // All that a token may have. These clients would wait for an hour.
    const streams = Array.from({ length: 5 }, () => follow(gateway, 3_600_000));
    await Promise.all(streams.map((stream) => stream.next()));
    network.cut("both");
    const ended = () => gateway.log().split('"code":"client_gone"').length - 1;
    await until(() => ended() === 5, 75_000);
    network.mend();
    const another = follow(gateway);
    expect((await another.next()).value?.containers).toMatchObject({ snapshot: true });
    await Promise.allSettled([another, ...streams].map(async (stream) => stream.return?.()));
  }, 120_000);

  it("is noticed by its client", async () => {
    const [gateway, network] = [gateways[1] as GatewayProcess, networks[1] as NetworkNamespace];
    const cut = follow(gateway);
    await cut.next();
    network.cut("both");
    const { code, afterMs } = await readEnd(cut);
    network.mend();
    expect(code).toBe("unreachable");
    expect(afterMs).toBeLessThan(40_000);
    const paused = follow(gateway);
    await paused.next();
    gateway.kill("SIGSTOP");
    const end = await readEnd(paused);
    gateway.kill("SIGCONT");
    expect(end.code).toBe("unreachable");
    expect(end.afterMs).toBeLessThan(40_000);
  }, 120_000);
});
