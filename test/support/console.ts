import type { ContainerRecordFragment, ContainerRowFragment } from "../../src/generated/console.ts";

/** A row of the console's list of containers. */
export function sampleContainerRow(over: Partial<ContainerRowFragment> = {}): ContainerRowFragment {
  return {
    id: "Q29udGFpbmVyOmRvY2tlci8x",
    name: "wallet-core-web-staging-0a1b2c3",
    engine: "web-1",
    host: "vm-5670",
    kind: "CORE",
    service: "wallet-core",
    role: "web",
    env: "STAGING",
    destination: "staging",
    version: "0a1b2c3",
    status: "running",
    health: "HEALTHY",
    restarts: 0,
    startedAt: "2026-11-27T07:00:01Z",
    stale: false,
    ...over,
  };
}

/** An entry of the audit record as the console asks for it. */
export function sampleContainerRecord(over: Partial<ContainerRecordFragment> = {}): ContainerRecordFragment {
  return {
    seq: 1,
    at: "2026-11-27T07:10:00Z",
    action: "restart",
    outcome: "intent",
    intent: null,
    subject: "root",
    reason: "leak",
    detail: null,
    code: null,
    durationMs: null,
    engine: "web-1",
    containerName: "wallet-core-web-staging-0a1b2c3",
    ...over,
  };
}
