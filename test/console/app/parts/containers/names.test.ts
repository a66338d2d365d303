import { describe, expect, it } from "vitest";
import { filterContainers, orderByRole } from "../../../../../src/console/app/parts/containers/names.ts";
import { sampleContainerRow } from "../../../../support/console.ts";

describe("filter of containers", () => {
  const web = sampleContainerRow();
  const worker = sampleContainerRow({ role: "worker", name: "wallet-core-worker-1", health: "NONE", host: "vm-1" });
  const redis = sampleContainerRow({
    role: "redis",
    name: "redis",
    kind: "ACCESSORY",
    status: "exited",
    health: "NONE",
  });
  const all = [web, worker, redis];
  const nothing = { query: "", role: null, isCoreOnly: false };

  it("without words, role and kind leaves all rows in their order", () => {
    expect(filterContainers(all, nothing)).toEqual(all);
  });

  it.each([
    ["VM-5670 healthy", [web]],
    ["worker 0a1b", [worker]],
    ["exited", [redis]],
    ["worker exited", []],
    ["none", []],
  ])("%s needs every word, in any case", (query, found) => {
    expect(filterContainers(all, { ...nothing, query })).toEqual(found);
  });

  it("role and kind are exact", () => {
    expect(filterContainers(all, { ...nothing, role: "work" })).toEqual([]);
    expect(filterContainers(all, { ...nothing, role: "worker" })).toEqual([worker]);
    expect(filterContainers(all, { ...nothing, isCoreOnly: true })).toEqual([web, worker]);
  });
});

describe("order of containers", () => {
  it("has the product first, then accessories, then others", () => {
    const other = sampleContainerRow({ kind: "OTHER", role: "a" });
    const redis = sampleContainerRow({ kind: "ACCESSORY", role: "b" });
    const worker = sampleContainerRow({ role: "worker" });
    const web = sampleContainerRow({ role: "web" });
    expect(orderByRole([other, redis, worker, web])).toEqual([web, worker, redis, other]);
  });

  it("leaves containers of one role as they are", () => {
    const [second, first] = [sampleContainerRow({ name: "b" }), sampleContainerRow({ name: "a" })];
    expect(orderByRole([second, first])).toEqual([second, first]);
  });
});
