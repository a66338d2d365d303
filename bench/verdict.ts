import { type Rise, simulateLooks } from "../test/support/verdict-looks.ts";

/**
 * `node bench/verdict.ts [runs]`: how many of 100 simulated deploys the share of failures of one
 * queue makes REGRESSED, at one look and at any of those each 30 s for half an hour. As a table.
 */
const runs = Number(process.argv[2] ?? 400);
const seed = 37;
/** OpsFailuresUpSinceDeploy fires after 5 minutes. */
const [everySeconds, lasts] = [30, 11];
const looks = Array.from({ length: 59 }, (_, index) => 60 + index * everySeconds);
const shown = [120, 240, 420, 900, 1800];

type Row = readonly [Rise["was"], Rise["is"], Rise["since"], Rise["jobsPerSecond"]];

const unchanged: readonly Row[] = [
  [0.02, 0.02, 0, 5],
  [0.1, 0.1, 0, 1],
];
const earlier: readonly Row[] = [
  ...[15, 30, 45, 60, 88, 135, 300, 900].map((since): Row => [0.12, 0.4, since, 1]),
  [0.12, 0.4, 135, 0.2],
  [0.12, 0.4, 35, 10],
  ...[30, 60, 120].map((since): Row => [0.02, 0.3, since, 1]),
  ...[30, 88, 135].map((since): Row => [0.02, 0.6, since, 1]),
  ...[60, 88, 135, 300].map((since): Row => [0.02, 0.1, since, 1]),
];
const atDeploy: readonly Row[] = [
  [0.12, 0.4, 0, 1],
  [0.12, 0.4, 0, 0.2],
  [0.02, 0.1, 0, 1],
  [0.02, 0.1, 0, 5],
  [0.05, 0.2, 0, 1],
  [0.1, 0.2, 0, 1],
  [0.02, 0.3, 0, 1],
  [0.002, 0.2, 0, 1],
  [0, 1, 0, 1],
];

const toPercent = (count: number) => ((100 * count) / runs).toFixed(1).padStart(6);

function print(title: string, rows: readonly Row[], reach?: number): void {
  console.log(`\n${title}`);
  const heads = [...shown.map((second) => `${second} s`), "any", "5 min"].map((text) => text.padStart(6));
  console.log(`${"share, since, rate".padEnd(34)}${heads.join(" ")}  first`);
  for (const [was, is, since, jobsPerSecond] of rows) {
    const rise = { was, is, since, jobsPerSecond };
    const found = simulateLooks(rise, looks, { runs, seed, lasts, ...(reach !== undefined && { reach }) });
    const counts = [...shown.map((second) => found.regressed[looks.indexOf(second)] ?? 0), found.ever, found.lasting];
    const name = `${100 * was} % to ${100 * is} %, ${since} s, ${jobsPerSecond}/s`;
    console.log(`${name.padEnd(34)}${counts.map(toPercent).join(" ")}  ${found.median ?? "-"} s`);
  }
}

console.log(`${runs} deploys a row; regressed in %, by seconds after the deploy`);
print("Nothing changed", unchanged);
print("Failures rose before the deploy", earlier);
print("The same, and another release was deployed 5 minutes before", earlier.slice(0, 7), 300);
print("Failures rose with the deploy", atDeploy);
