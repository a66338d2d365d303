import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DeployInfo, DeployLog, DeployRecord } from "../../src/deploys/deploy.ts";
import {
  createSharedDeploySource,
  type DeployStore,
  mostDeploys,
  type SharedDeploy,
} from "../../src/deploys/shared.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { sampleDeployInfo, sampleRecord } from "../support/deploys.ts";

const now = Date.parse("2026-01-13T10:00:00Z");
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now }));
afterEach(() => void vi.useRealTimers());
const at = (minute: number) => new Date(now + (minute - 60) * 60_000).toISOString().replace(".000", "");
const signal = new AbortController().signal;

/** The table of gateways, in memory. */
function createTable() {
  const rows = new Map<string, DeployRecord>();
  const written: DeployRecord[] = [];
  const state = { isAway: false };
  const openStore = (): DeployStore => {
    let last = 0;
    return {
      async exchange(own) {
        if (state.isAway) throw new OpsError("postgres_unavailable", "away");
        for (const { key, record } of own) if (!rows.has(key)) rows.set(key, record);
        written.push(...own.map(({ record }) => record));
        if (rows.size === last) return null;
        last = rows.size;
        const sorted = [...rows].toSorted(([, a], [, b]) => Date.parse(a.deployedAt) - Date.parse(b.deployedAt));
        return sorted.slice(-mostDeploys).map(([key, record]): SharedDeploy => ({ key, record }));
      },
    };
  };
  /** A gateway that reads these files. */
  const open = (logs: DeployLog[], info: DeployInfo | null = null, days = 30) => {
    const read = async () => {
      if (info) return info;
      throw new OpsError("deploy_info_missing", "missing");
    };
    const source = createSharedDeploySource({
      source: { history: async () => logs, read },
      store: openStore(),
      logger: silentLogger,
      days,
    });
    const tags = async () => (await source.history(signal)).flatMap(({ records }) => records.map(({ tag }) => tag));
    return { ...source, tags };
  };
  return { open, written, state };
}
const log = (...records: DeployRecord[]): DeployLog => ({
  origin: records[0]?.origin ?? "history",
  records,
  skipped: 0,
  complete: true,
  error: null,
});
const deploy = (tag: string, minute: number, more: Partial<DeployRecord> = {}) =>
  sampleRecord({ tag, deployedAt: at(minute), ...more });

describe("gateways that share deploys", () => {
  it("know those of the others, before their own", async () => {
    const { open } = createTable();
    const [one, two] = [open([log(deploy("a", 1), deploy("b", 2))]), open([log(deploy("b", 2), deploy("c", 3))])];
    expect(await one.tags()).toEqual(["a", "b"]);
    for (const each of [one, two, one]) await each.sync();
    expect(await one.tags()).toEqual(["c", "a", "b"]);
    expect(await two.tags()).toEqual(["a", "b", "c"]);
    expect(await open([]).history(signal)).toEqual([]);
  });

  it("write each deploy once, also a later one", async () => {
    const { open, written } = createTable();
    const own = log(deploy("a", 1));
    const logs = [own];
    const one = open(logs);
    for (let nth = 0; nth < 3; nth += 1) await one.sync();
    logs[0] = log(deploy("a", 1), deploy("b", 2));
    for (let nth = 0; nth < 3; nth += 1) await one.sync();
    expect(written.map(({ tag }) => tag)).toEqual(["a", "b"]);
  });

  it("know deploy_info.json of another, but a stale one", async () => {
    const { open } = createTable();
    const info = { ...sampleDeployInfo, deployedAt: at(5) };
    for (const each of [
      open([], { ...info, currentTag: "old", stale: true }),
      open([], { ...info, currentTag: "new" }),
    ])
      await each.sync();
    const other = open([]);
    await other.sync();
    expect((await other.history(signal)).map(({ origin, records }) => [origin, records.map(({ tag }) => tag)])).toEqual(
      [["info", ["new"]]],
    );
    await expect(other.read(signal)).rejects.toMatchObject({ code: "deploy_info_missing" });
  });

  it.each([
    [600, ["v1"]],
    [601, ["v1", "v1"]],
  ])("take lines of two audit logs that are %i s apart for %j", async (seconds, expected) => {
    const { open } = createTable();
    const line = deploy("v1", 1, { origin: "kamal_audit" });
    const later = new Date(Date.parse(line.deployedAt) + seconds * 1000).toISOString();
    const [one, two] = [open([log(line)]), open([log({ ...line, deployedAt: later })])];
    for (const each of [one, two, one]) await each.sync();
    for (const each of [one, two]) expect(await each.tags()).toEqual(expected);
  });

  it("share neither what is too old, nor more than a thousand", async () => {
    const { open, written } = createTable();
    const many = Array.from({ length: mostDeploys + 5 }, (_, index) => deploy(`m${index}`, index / 100));
    const one = open([log(deploy("old", -2 * 1440, {}), ...many)], null, 1);
    for (let nth = 0; nth < 3; nth += 1) await one.sync();
    expect(written).toHaveLength(many.length);
    expect(written.some(({ tag }) => tag === "old")).toBe(false);
  });

  it("go on with what they know while the table is away, and say so", async () => {
    const { open, state } = createTable();
    const [one, two] = [open([log(deploy("a", 1))]), open([log(deploy("b", 2))])];
    for (const each of [one, two]) await each.sync();
    state.isAway = true;
    await two.sync();
    expect((await two.history(signal))[0]).toMatchObject({
      records: [],
      error: { code: "postgres_unavailable", message: "away" },
    });
    expect(await two.tags()).toEqual(["a", "b"]);
    state.isAway = false;
    await two.sync();
    expect((await two.history(signal)).map(({ error }) => error)).toEqual([null, null]);
  });
});
