import { expect, it } from "vitest";
import type { Container } from "../../src/domain/container.ts";
import { toPreview } from "../../src/domain/restart-preview.ts";
import { sampleContainer } from "../support/memory-sources.ts";

const work = { jobs: null, total: null, gaps: [] };
const web = sampleContainer({ name: "web" });
const preview = (...others: Container[]) => toPreview(web, [web, ...others], null, work);

it("counts well replicas of the role at the same destination of the same service alone", () => {
  const peer = sampleContainer({ name: "peer" });
  expect(preview(peer)).toMatchObject({ healthyPeers: 1, lastHealthy: false });
  const others: Partial<Container>[] = [{ destination: "beta" }, { service: "shop" }, { env: "production" }, { role: "worker" }];
  for (const other of others) expect(preview({ ...peer, ...other })).toMatchObject({ healthyPeers: 0, lastHealthy: true });
  for (const unwell of [{ health: "unhealthy" as const }, { status: "exited" }, { replaced: true }]) {
    expect(preview({ ...peer, ...unwell })).toMatchObject({ healthyPeers: 0, lastHealthy: true });
  }
});
