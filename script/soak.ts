import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createReaders, startScene } from "../bench/scene.ts";
import { listQuestions, type Things } from "../bench/soak/questions.ts";
import { gaugeNames, parseSample, type Sample, toGrowth } from "../bench/soak/samples.ts";
import { Traffic, type TrafficOptions } from "../bench/soak/traffic.ts";
import { scopes } from "../src/auth/principal.ts";
import { startDemo } from "./services/demo.ts";
import { runScript } from "./services/process.ts";
import { startPrometheus } from "./services/prometheus.ts";

const usage = `Usage: script/soak [--minutes=60] [--rate=10] [--containers=5000]
At most 1440 minutes, 200 requests a second and 10000 containers.
`;

const options = {
  minutes: { type: "string", default: "60" },
  rate: { type: "string", default: "10" },
  containers: { type: "string", default: "5000" },
  help: { type: "boolean", short: "h", default: false },
} as const;
/** A wrong option is a usage error too. */
const { values } = parseArgs({ options, strict: false });
if (values.help === true) {
  process.stdout.write(usage);
  process.exit(0);
}
const minutes = Number(values.minutes);
/** Requests a second to the demo; half as many to the other gateway. */
const rate = Number(values.rate);
const containers = Number(values.containers);
const isKnown = Object.keys(values).every((name) => Object.hasOwn(options, name));
if (!(isKnown && minutes > 0 && minutes <= 1440 && rate > 0 && rate <= 200 && containers > 0 && containers <= 10_000)) {
  process.stderr.write(usage);
  process.exit(2);
}

/**
 * RSS may grow by so much, per cent, from a third of the time to its end; shorter runs than
 * `limitedFrom` minutes only print.
 */
const [mostRss, limitedFrom] = [5, 20];
/** Descriptors of clients that come and go. */
const descriptorNoise = 5;

interface Alert {
  readonly state: "pending" | "firing";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A gateway under observation. */
interface Watched {
  readonly name: string;
  readonly url: string;
  readonly token: string;
  readonly traffic: Traffic;
  readonly samples: Sample[];
  hasEnded: boolean;
}

/**
 * The shipped configuration, with the demo's gateway. Hosts are scraped by the demo's own
 * Prometheus.
 */
function writeConfig(folder: string, address: string, token: string): string {
  writeFileSync(join(folder, "token"), token);
  const config = readFileSync("deploy/prometheus/prometheus.yml", "utf8")
    .replace("rules/*.yml", resolve("deploy/prometheus/rules/*.yml"))
    .replace("/run/secrets/token", join(folder, "token"))
    .replace("gateway:4000", new URL(address).host)
    .replace('["node-exporter:9100"]', "[]")
    .replace('["alertmanager:9093"]', "[]");
  writeFileSync(join(folder, "prometheus.yml"), config);
  return join(folder, "prometheus.yml");
}

async function readAlerts(url: string): Promise<readonly Alert[]> {
  return ((await (await fetch(`${url}/api/v1/alerts`)).json()) as { data: { alerts: Alert[] } }).data.alerts;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/**
 * Reports each alert once when it becomes pending, and once when it fires; resolves with what fired
 * since the last call.
 */
function createAlertReport(url: string): () => Promise<readonly string[]> {
  const reported = new Set<string>();
  return async () => {
    const fired: string[] = [];
    for (const { state, labels, annotations } of await readAlerts(url)) {
      const text = `${state}: ${labels["alertname"]}: ${annotations["summary"]}`;
      if (reported.has(text)) continue;
      reported.add(text);
      say(`${new Date().toISOString().slice(11, 19)} ${text}`);
      if (state === "firing") fired.push(text);
    }
    return fired;
  };
}

/** What there is to ask about. */
async function readThings(url: string, token: string): Promise<Things> {
  const query = "{ containers(includeAccessories: true) { name engine } queues { name source } hosts { name } }";
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const { data } = (await response.json()) as { data: Record<string, Record<string, string>[] | null> | null };
  const list = (field: string, key: string) => [...new Set((data?.[field] ?? []).map((row) => row[key] ?? ""))];
  return {
    containers: list("containers", "name"),
    engines: list("containers", "engine"),
    queues: list("queues", "name"),
    sources: list("queues", "source"),
    hosts: list("hosts", "name"),
  };
}

async function untilThere(url: string, token: string, count: number): Promise<Things> {
  for (;;) {
    const things = await readThings(url, token).catch(() => null);
    if (things && things.containers.length >= count) return things;
    await sleep(1000);
  }
}

const shown = { rss: "RSS", heap: "heap", external: "external", descriptors: "descriptors" } as const;

/** A gateway that gives no sample for so long has ended, seconds. */
const mostSilent = 120;

async function takeSample(watched: Watched, seconds: number): Promise<void> {
  const { name, url, token, samples, hasEnded } = watched;
  if (hasEnded) return;
  const asked = { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(30_000) };
  const text = await fetch(`${url}/metrics`, asked)
    .then(async (response) => (response.ok ? await response.text() : null))
    .catch(() => null);
  if (text !== null) samples.push(parseSample(text, seconds));
  else if (seconds - (samples.at(-1)?.seconds ?? 0) > mostSilent) {
    watched.hasEnded = true;
    say(`== ${name}: the gateway has not answered for ${mostSilent} s.`);
  }
}

function toLine({ name, samples, traffic }: Watched): string {
  const last = samples.at(-1);
  const gauges = gaugeNames.map((gauge) => `${shown[gauge]} ${last?.[gauge].toFixed(0)}`).join(", ");
  const answers = Object.entries(traffic.take()).map(([status, count]) => `${status}: ${count}`);
  return `${name}: ${gauges}; ${answers.join(", ")}`;
}

/** Looks every five seconds; resolves with what fired. */
async function watch(prometheusUrl: string, gateways: readonly Watched[]): Promise<readonly string[]> {
  const report = createAlertReport(prometheusUrl);
  const fired: string[] = [];
  const begin = performance.now();
  let minute = 0;
  for (;;) {
    const seconds = (performance.now() - begin) / 1000;
    if (seconds >= minutes * 60) return fired;
    fired.push(...(await report()));
    await Promise.all(gateways.map((gateway) => takeSample(gateway, seconds)));
    if (seconds >= 60 * (minute + 1)) {
      minute = Math.floor(seconds / 60);
      for (const gateway of gateways)
        if (!gateway.hasEnded) say(`${String(minute).padStart(3)} min  ${toLine(gateway)}`);
    }
    await sleep(5000);
  }
}

/** Prints how a gateway grew; false where that is too much. */
function reportGrowth({ name, samples, hasEnded }: Watched): boolean {
  const isLimited = minutes >= limitedFrom;
  const results = gaugeNames.map((gauge) => {
    const { slope, first, last, percent } = toGrowth(samples, gauge);
    const unit = gauge === "descriptors" ? "" : " MB";
    const isMissed =
      isLimited &&
      ((gauge === "rss" && percent > mostRss) ||
        (gauge === "descriptors" && last > first * 1.05 && last > first + descriptorNoise));
    say(
      `== ${name}, ${`${shown[gauge]}:`.padEnd(12)} ${first.toFixed(1)} -> ${last.toFixed(1)}${unit} (${percent.toFixed(1)} %), ${slope.toFixed(1)}${unit} an hour${isMissed ? "  MISSED" : ""}`,
    );
    return !isMissed;
  });
  return !hasEnded && results.every(Boolean);
}

/** Once it shows so many containers. */
async function toWatched(name: string, count: number, asked: Omit<TrafficOptions, "things">): Promise<Watched> {
  const [url, token] = [`http://127.0.0.1:${asked.port}`, asked.tokens[0] as string];
  const things = await untilThere(url, token, count);
  return { name, url, token, samples: [], hasEnded: false, traffic: new Traffic({ ...asked, things }) };
}

async function soak(stack: AsyncDisposableStack): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ops-soak-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const demo = await startDemo(folder, "--built");
  stack.defer(() => demo.stop());
  const readers = createReaders(scopes, (minutes + 60) * 60_000);
  stack.use(readers);
  const { NODE_OPTIONS } = process.env;
  const scene = await startScene(1, containers, {
    shared: readers,
    env: { WALLET_CORE_OPS_MCP: "on", ...(NODE_OPTIONS && { NODE_OPTIONS }) },
  });
  stack.use(scene);
  const prometheus = await startPrometheus(join(folder, "prometheus"), {
    configFile: writeConfig(folder, demo.url, demo.token),
  });
  stack.defer(() => prometheus.stop());
  const questions = listQuestions();
  const gateways: readonly Watched[] = [
    // Its restarts and changes of jobs would be real.
    await toWatched("demo", 1, {
      port: Number(new URL(demo.url).port),
      tokens: [demo.token],
      questions: questions.filter(({ manner }) => manner !== "act"),
      perSecond: rate,
      atOnce: 8,
    }),
    // One answer takes up to a second of CPU.
    await toWatched(`${containers} containers`, containers, {
      port: scene.port,
      tokens: Array.from({ length: 10 }, (_, index) => scene.token(index)),
      questions,
      perSecond: rate / 2,
      atOnce: 4,
    }),
  ];
  const end = new AbortController();
  stack.defer(() => end.abort());
  for (const { traffic } of gateways) void traffic.run(end.signal);
  scene.emit(1);
  say(
    `== The demo runs at ${demo.url}; alerts at ${prometheus.url}/alerts; ${containers} containers at port ${scene.port}.`,
  );
  say(
    `== ${questions.length} questions, ${rate} requests a second to the demo, half as many to the other gateway, for ${minutes} minutes.`,
  );
  const fired = await watch(prometheus.url, gateways);
  const isFlat = gateways.map(reportGrowth).every(Boolean);
  const query = encodeURIComponent(`count_over_time(ops_engine_up[${Math.ceil(minutes)}m])`);
  const answer = (await (await fetch(`${prometheus.url}/api/v1/query?query=${query}`)).json()) as {
    data: { result: { value: [number, string] }[] };
  };
  const scrapes = Number(answer.data.result[0]?.value[1] ?? 0);
  say(fired.length === 0 ? `== Nothing fired in ${scrapes} scrapes.` : `== ${fired.length} alerts fired.`);
  // Without a scrape nothing could have fired.
  process.exitCode = isFlat && fired.length === 0 && scrapes > 0 ? 0 : 1;
}

await runScript(soak);
