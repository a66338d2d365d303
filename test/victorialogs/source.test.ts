import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { HistoryQuery, LogHistory } from "../../src/containers/logs/history/log-history.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createLogHistory, probeLogHistory } from "../../src/victorialogs/source.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startVictoriaLogs, vectorEntry, type VictoriaLogsStandIn } from "../support/victorialogs.ts";

const rules = { ...rulesOf("wallet-core"), core: [new Map([["team", "wallet"]])] };
const never = new AbortController().signal;
const id = "a".repeat(64);
const time = (ns: number) => `2026-01-13T09:46:00.${String(ns).padStart(9, "0")}Z`;
const whole: HistoryQuery = { fullId: id, from: "newest", since: time(0), before: time(999_999_999), filter: {} };
const all = { since: time(0), before: time(999_999_999), role: "web", names: [], service: null };

let standIn: VictoriaLogsStandIn;
let history: LogHistory;
beforeAll(async () => {
  standIn = await startVictoriaLogs();
  history = createLogHistory({ url: standIn.url, rules, logger: silentLogger, timeoutMs: 60_000 });
});
beforeEach(() => {
  standIn.entries = [];
  standIn.misbehave = null;
});
afterAll(async () => {
  await history.close();
  await standIn[Symbol.asyncDispose]();
});

const entry = (ns: number, _msg: string, change = {}) => vectorEntry({ _time: time(ns), _msg, ...change });
const read = async (change: Partial<HistoryQuery> = {}) => history.read({ ...whole, ...change }, never);

describe("lines of VictoriaLogs", () => {
  it("are cleaned, redacted and given a level as an engine's", async () => {
    standIn.entries = [
      entry(1, "\u001b[31mERROR\u001b[0m password=hunter22 failed"),
      entry(2, "  at frame"),
      entry(3, "x".repeat(70_000), { stream: "stderr" }),
      entry(4, "from a terminal", { stream: "console" }),
    ];
    const { lines } = await read();
    expect(lines.map(({ stream, level }) => [stream, level])).toEqual([
      ["stdout", "error"],
      ["stdout", "error"],
      ["stderr", null],
      ["stdout", null],
    ]);
    expect(lines.map(({ message }) => message.slice(-32))).toEqual([
      "ERROR password=[redacted] failed",
      "  at frame",
      "xxxxxxxxxxx [line cut at 64 KiB]",
      "from a terminal",
    ]);
  });

  it("are those of the stream, also what a search will leave out", async () => {
    standIn.entries = [
      entry(1, "a timeout"),
      entry(2, "b", { stream: "stderr" }),
      entry(3, "c timeout", { stream: "stderr" }),
    ];
    const { lines } = await read({ filter: { search: "timeout", stream: "stderr" } });
    expect(lines.map(({ message }) => message)).toEqual(["b", "c timeout"]);
  });

  it("hide a private key that began before them", async () => {
    const key = ["AAAEC12secretRestOfKey", "c2VjcmV0", "-----END OPENSSH PRIVATE KEY-----"];
    standIn.entries = [...key, "after"].map((text, at) => entry(at, text));
    const { lines } = await read();
    expect(lines.map(({ message }) => message)).toEqual(["[redacted]", "[redacted]", "[redacted]", "after"]);
  });

  it("without a text are empty, as VictoriaLogs stores another one", async () => {
    standIn.entries = [
      entry(1, "missing _msg field; see https://docs.victoriametrics.com/victorialogs/keyconcepts/#message-field"),
    ];
    expect((await read()).lines).toMatchObject([{ message: "" }]);
  });

  it("of another container are a failure", async () => {
    standIn.misbehave = (response) =>
      response.end(`${JSON.stringify({ ...entry(5, "a"), container_id: "b".repeat(64) })}\n`);
    await expect(read()).rejects.toMatchObject({
      message: "The answer is not from VictoriaLogs (lines of another container)",
    });
  });

  it("out of order or out of the range are a failure", async () => {
    const wrong = { message: "The answer is not from VictoriaLogs (times out of order)" };
    const rows = [entry(5, "a"), entry(6, "b")].map((row) => `${JSON.stringify(row)}\n`);
    standIn.misbehave = (response) => response.end(rows.join(""));
    await expect(read()).rejects.toMatchObject(wrong);
    expect((await read({ from: "oldest" })).lines).toHaveLength(2);
    await expect(read({ from: "oldest", before: time(6) })).rejects.toMatchObject(wrong);
    await expect(read({ from: "oldest", since: time(6) })).rejects.toMatchObject(wrong);
    standIn.misbehave = (response) => response.end(`{"_time":"yesterday","_msg":"a","container_id":"${id}"}\n`);
    await expect(read()).rejects.toMatchObject(wrong);
  });

  it("of one query are read once for all who ask it at a time", async () => {
    standIn.entries = [entry(1, "a")];
    const before = standIn.queries.length;
    const answers = await Promise.all([read(), read(), read({ from: "oldest" })]);
    expect(answers.map(({ lines }) => lines.length)).toEqual([1, 1, 1]);
    expect(standIn.queries.length - before).toBe(2);
  });

  it("that end early by their size are continued", async () => {
    standIn.entries = Array.from({ length: 12 }, (_, n) => entry(n + 1, `${n} ${"x".repeat(1 << 20)}`));
    const first = await read();
    expect(first.lines.map(({ timestamp }) => timestamp)).toEqual([10, 11, 12].map(time));
    expect(first.rest).toEqual({ since: time(0), before: time(10) });
  });
});

describe("containers of VictoriaLogs", () => {
  it("are mapped by the labels of their entries, the newest first", async () => {
    const named = {
      container_id: "b".repeat(64),
      container_name: "wallet-core-web-beta-v2",
      "label.destination": "production",
    };
    standIn.entries = [
      entry(1, "a"),
      entry(2, "b"),
      entry(3, "c", {
        ...named,
        container_created_at: "2026-01-13T09:45:00.1Z",
        "label.team": "wallet",
        host: "web-2",
      }),
      entry(4, "d", { container_id: "short" }),
      entry(5, "e", { container_id: "c".repeat(64), "label.role": "cron" }),
      entry(6, "f", { container_id: "d".repeat(64), "label.role": "" }),
    ];
    expect(await history.listContainers(all, never)).toMatchObject([
      {
        fullId: "b".repeat(64),
        engine: "web-2",
        env: "production",
        status: "removed",
        createdAt: "2026-01-13T09:45:00Z",
      },
      { fullId: id, name: "wallet-core-web-v1", engine: "web-1", env: null, kind: "core", version: "v1" },
    ]);
    const byName = { ...all, role: null, names: ["wallet-core-web-v1"] };
    expect((await history.listContainers(byName, never)).map(({ fullId }) => fullId[0])).toEqual(["a", "c"]);
    expect(await history.listContainers({ ...all, service: "shop" }, never)).toEqual([]);
  });

  it("whose entries contradict each other are of unknown environment", async () => {
    const staging = { "label.destination": "staging" };
    standIn.entries = [entry(1, "a", staging)];
    expect(await history.listContainers(all, never)).toMatchObject([{ env: "staging" }]);
    standIn.entries = [entry(1, "a", staging), entry(2, "b", { ...staging, "label.destination": "production" })];
    expect(await history.listContainers(all, never)).toMatchObject([{ env: null }]);
    const elsewhere = { ...staging, "label.destination": "production", "label.role": "worker" };
    standIn.entries = [entry(1, "a", staging), entry(2, "b", elsewhere)];
    expect(await history.listContainers(all, never)).toMatchObject([{ env: null }]);
    standIn.entries = [
      entry(1, "a", staging),
      entry(2, "b", { ...staging, container_name: "wallet-core-web-v1_replaced_0a1b" }),
    ];
    expect(await history.listContainers(all, never)).toMatchObject([{ env: "staging" }]);
    standIn.entries = [entry(1, "a", { "label.destination": "staging\n" })];
    expect(await history.listContainers(all, never)).toMatchObject([{ env: null, destination: "staging<U+000A>" }]);
  });
});

it("the configuration of Vector ships the fields that are read", () => {
  const { sources, sinks } = parse(readFileSync("deploy/log-history/vector.yaml", "utf8")) as {
    readonly sources: object;
    readonly sinks: { readonly victorialogs: { readonly uri: string } };
  };
  const { pathname, searchParams } = new URL(sinks.victorialogs.uri);
  expect([sources, pathname, Object.fromEntries(searchParams)]).toEqual([
    { containers: { type: "docker_logs" } },
    "/insert/jsonline",
    { _msg_field: "message", _time_field: "timestamp", _stream_fields: "host,container_name,container_id,stream" },
  ]);
});

describe("probeLogHistory", () => {
  const probe = () => probeLogHistory({ url: standIn.url, rules, timeoutMs: 60_000 });
  const now = () => new Date(Date.now() - 60_000).toISOString().replace("Z", "000000Z");

  it("says how many containers wrote, and of whom", async () => {
    standIn.entries = [
      vectorEntry({ _time: now() }),
      vectorEntry({ _time: now(), container_id: "b".repeat(64), "label.service": "shop" }),
    ];
    expect(await probe()).toEqual({
      ok: true,
      detail: "2 containers of Kamal in the last day, 1 of the product",
      warnings: [],
    });
  });

  it("warns of entries without labels, and of those with a time of arrival", async () => {
    const { entry: given } = JSON.parse(readFileSync("test/victorialogs/recorded-answers.json", "utf8")) as {
      readonly entry: { readonly fields: Readonly<Record<string, string>> };
    };
    standIn.entries = [{ ...given.fields, _time: now() }];
    const { ok, warnings } = await probe();
    expect([ok, warnings]).toEqual([
      true,
      [
        "no entry of the last day has the fields container_id and label.role, so no container is found: ship the logs as docs/containers.md shows",
        "entries have a field timestamp, so _time may not be the engine's time: set _time_field=timestamp",
      ],
    ]);
  });

  it("names the fault and its remedy", async () => {
    standIn.misbehave = (response) => response.writeHead(401).end();
    expect(await probe()).toEqual({
      ok: false,
      detail:
        "The log history refused the credentials (HTTP 401): put user:password@ into WALLET_CORE_OPS_LOG_HISTORY_URL",
    });
  });
});
