import { createSharedBudget } from "../src/lib/budget/budget.ts";
import { createMatch } from "../src/lib/pattern/match.ts";
import { closePatterns, compileLinePattern, type LinePattern } from "../src/lib/pattern/pattern.ts";
import { createReport, quartiles } from "./statistics.ts";

const rounds = 9;
const pattern = "status=5\\d\\d|timeout";
/** Time until 100,000 lines are matched, in the thread against in this one. */
const limit = 2;
/** Of a few lines, for which the way to the thread and back counts. */
const fewLimitMs = 100;
/** CPU time of the event loop for 100,000 lines, ms: what other requests may notice. */
const loopLimitMs = 200;
const longestFirstMs = 1000;

const toLines = (count: number) =>
  Array.from(
    { length: count },
    (_, n) => `2026-01-13T09:46:00Z INFO GET /orders/${n} status=${n % 97 === 0 ? 503 : 200} in ${n % 977} ms`,
  );

async function measure(work: () => unknown): Promise<{ ms: number; cpuMs: number }> {
  const [begin, cpu] = [performance.now(), process.threadCpuUsage()];
  await work();
  const { user, system } = process.threadCpuUsage(cpu);
  return { ms: performance.now() - begin, cpuMs: (user + system) / 1000 };
}

/** Matches lines in the thread of patterns, and in this one as it was before there was a thread. */
export async function benchPatterns(): Promise<boolean> {
  const report = createReport("patterns");
  const { signal } = new AbortController();
  const budget = createSharedBudget(signal);
  let threaded: LinePattern | null = null;
  const memory = process.memoryUsage.rss();
  const first = await measure(async () => {
    threaded = await compileLinePattern(pattern, {}, budget);
    await threaded?.match(["x"], signal);
  });
  report.say("the first pattern, which starts the thread", first.ms, "ms", longestFirstMs);
  report.say("memory for the thread", (process.memoryUsage.rss() - memory) / 1e6, "MB");
  for (const count of [1000, 100_000]) {
    const lines = toLines(count);
    const here = createMatch();
    const ratios: number[] = [];
    const times: number[] = [];
    const loops: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const own = await measure(() => {
        for (let at = 0; at < lines.length;)
          at +=
            here({ pattern, ignoreCase: false, isWhole: false, texts: lines.slice(at, at + 1000) }).matched?.length ??
            1;
      });
      const other = await measure(() => threaded?.match(lines, signal));
      ratios.push(other.ms / own.ms);
      times.push(other.ms);
      loops.push(other.cpuMs);
    }
    const isMany = count > 1000;
    report.say(`${count} lines`, quartiles(times).median, "ms", isMany ? undefined : fewLimitMs);
    report.say(`${count} lines, against this thread`, quartiles(ratios).median, "times", isMany ? limit : undefined);
    report.say(`${count} lines, CPU of the event loop`, quartiles(loops).median, "ms", loopLimitMs);
  }
  await closePatterns();
  return report.isWithin();
}

if (import.meta.main) process.exitCode = (await benchPatterns()) ? 0 : 1;
