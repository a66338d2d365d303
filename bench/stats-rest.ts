import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { readCpuMs } from "./cpu.ts";
import { startGateway } from "./logs.ts";
import { token } from "./servers/sample.ts";
import { quartiles } from "./statistics.ts";

/**
 * The first seconds are not counted: collecting what the start left costs half a per cent of a core
 * or more, once.
 */
const [skipped, seconds] = [40, 20];

/**
 * The statistics of 50 running containers through REST: the median time of an answer once they are
 * sampled, and the CPU of a gateway that one client asks every second, per cent of a core over 20
 * s, after 40 s.
 */
export async function measureRest(socketPath: string): Promise<{ warmMs: number; heldPct: number }> {
  const { port, child } = await startGateway(socketPath);
  const url = `http://127.0.0.1:${port}/api/v1/admin/ops/containers?include_stats=true`;
  /** The text of an answer. With `fetch` the client would take as long as the gateway. */
  const ask = async () => (await request(url, { headers: { authorization: `Bearer ${token}` } })).body.text();
  try {
    for (let attempt = 0; ; attempt += 1) {
      const rows = JSON.parse(await ask()) as { cpu_pct: number | null }[];
      if (rows.length === 50 && rows.every(({ cpu_pct }) => cpu_pct !== null)) break;
      if (attempt > 100) throw new Error("the gateway shows no statistics");
      await sleep(100);
    }
    const warm: number[] = [];
    for (const end = performance.now() + 4000; performance.now() < end; await sleep(10)) {
      const begin = performance.now();
      await ask();
      warm.push(performance.now() - begin);
    }
    const begin = performance.now();
    let before = 0;
    for (let second = 1; second <= skipped + seconds; second += 1) {
      if (second === skipped + 1) before = readCpuMs(child.pid);
      await ask();
      await sleep(begin + second * 1000 - performance.now());
    }
    return { warmMs: quartiles(warm).median, heldPct: (readCpuMs(child.pid) - before) / 10 / seconds };
  } finally {
    child.kill("SIGKILL");
  }
}
