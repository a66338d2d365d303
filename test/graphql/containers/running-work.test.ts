import { describe, expect, it } from "vitest";
import { toPreview, toWorkerHosts } from "../../../src/graphql/containers/running-work.ts";
import { sampleContainer } from "../../support/containers.ts";

const work = { jobs: null, total: null, gaps: [] };

describe("toPreview", () => {
  it("counts the healthy others of its role and environment", () => {
    const me = sampleContainer();
    const others = [
      sampleContainer({ name: "well" }),
      sampleContainer({ name: "sick", health: "unhealthy" }),
      sampleContainer({ name: "down", status: "exited", health: "none" }),
      sampleContainer({ name: "elsewhere", env: "production" }),
      sampleContainer({ name: "worker", role: "worker" }),
    ];
    expect(toPreview(me, [me, ...others], null, work)).toEqual({
      refusal: null,
      healthyPeers: 1,
      lastHealthy: false,
      work,
    });
    expect(toPreview(me, [me, ...others.slice(1)], null, work)).toMatchObject({ healthyPeers: 0, lastHealthy: true });
    expect(toPreview({ ...me, health: "unhealthy" }, [], null, work).lastHealthy).toBe(false);
  });
});

it("matches workers by the container's host name, unless it is shared", () => {
  const me = sampleContainer();
  expect(toWorkerHosts(me, [me, sampleContainer({ name: "twin" })])).toBeNull();
  // Erlang cuts it at the first dot: a part that two share identifies neither.
  expect(toWorkerHosts(me, [me, sampleContainer({ name: "other", host: "other" })])).toEqual([me.host, me.id, "37"]);
  expect(toWorkerHosts(me, [me, sampleContainer({ name: "beside", host: "37.27.91.235-56703216100d" })])).toEqual([
    me.host,
    me.id,
  ]);
});
