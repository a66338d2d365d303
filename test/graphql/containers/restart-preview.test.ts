import { expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { toPreview, toWorkerHosts } from "../../../src/graphql/containers/running-work.ts";
import { sampleContainer } from "../../support/containers.ts";

const work = { jobs: null, total: null, gaps: [] };
const web = sampleContainer({ name: "web" });
const preview = (...others: Container[]) => toPreview(web, [web, ...others], null, work);

it("counts healthy replicas of the same role, service and destination", () => {
  const peer = sampleContainer({ name: "peer" });
  expect(preview(peer)).toMatchObject({ healthyPeers: 1, lastHealthy: false });
  const others: Partial<Container>[] = [
    { destination: "beta" },
    { service: "shop" },
    { env: "production" },
    { role: "worker" },
  ];
  for (const other of others)
    expect(preview({ ...peer, ...other })).toMatchObject({ healthyPeers: 0, lastHealthy: true });
  for (const unwell of [{ health: "unhealthy" as const }, { status: "exited" }, { replaced: true }]) {
    expect(preview({ ...peer, ...unwell })).toMatchObject({ healthyPeers: 0, lastHealthy: true });
  }
});

it("says why it would be refused, and what runs", () => {
  const refused = { code: "restart_busy", message: "later", status: 429 };
  expect(toPreview(web, [], refused, work)).toEqual({
    refusal: { code: "restart_busy", message: "later" },
    healthyPeers: 0,
    lastHealthy: true,
    work,
  });
});

it.each<[Partial<Container>, boolean]>([
  [{ status: "running", health: "none" }, true],
  [{ status: "running", health: "healthy" }, true],
  [{ status: "running", health: "starting" }, false],
  [{ status: "running", health: "unhealthy" }, false],
  [{ status: "paused", health: "none" }, false],
])("one of %j is the last healthy one: %s", (change, last) => {
  expect(toPreview({ ...web, ...change }, [web], null, work)).toMatchObject({ healthyPeers: 0, lastHealthy: last });
  expect(preview(sampleContainer({ name: "peer", ...change })).healthyPeers).toBe(last ? 1 : 0);
});

it("a worker has the names of its host, its id and Erlang's, each once", () => {
  const own = sampleContainer({ name: "own", host: "plain" });
  expect(toWorkerHosts(own, [own])).toEqual(["plain", own.id]);
  const dotted = sampleContainer({ name: "dotted", host: "plain.example" });
  expect(toWorkerHosts(dotted, [dotted])).toEqual(["plain.example", dotted.id, "plain"]);
  expect(toWorkerHosts(dotted, [own, dotted])).toEqual(["plain.example", dotted.id]);
  expect(toWorkerHosts(own, [own, sampleContainer({ name: "twin", host: "plain" })])).toBeNull();
});
