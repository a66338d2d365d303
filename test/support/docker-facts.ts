import type { RawContainer } from "../../src/containers/container.ts";
import type { ContainerRules, EngineContext } from "../../src/containers/kamal/rules.ts";

/** A running container without labels. */
export function facts(change: Partial<RawContainer> = {}): RawContainer {
  return {
    engine: "web-1",
    fullId: "abc123abc123".padEnd(64, "0"),
    name: "some-name",
    labels: {},
    state: "running",
    image: "busybox:1",
    createdAt: "2026-01-13T09:40:00.123456789Z",
    startedAt: "2026-01-13T09:40:10.5Z",
    finishedAt: null,
    ports: [],
    health: null,
    hostname: null,
    hostNetwork: false,
    restarts: 0,
    variables: {},
    ...change,
  };
}

/** The configuration of these services, and nothing else. */
export function rulesOf(...services: readonly string[]): ContainerRules {
  return { services, core: [], destinations: new Map() };
}

export function context(change: Partial<EngineContext> = {}): EngineContext {
  return {
    env: null,
    rules: rulesOf("wallet-core"),
    appServices: [],
    appsEnv: null,
    isForeign: false,
    hostNames: [],
    ...change,
  };
}

/** A container of a Kamal app, named with or without a destination. */
export function app(
  service: string,
  role: string,
  version: string,
  { destination = "", ...change }: Partial<RawContainer> & { destination?: string } = {},
): RawContainer {
  return facts({
    name: [service, role, destination, version].filter((part) => part !== "").join("-"),
    labels: { service, role, destination },
    image: `ghcr.io/schoolable/wallet-core:${version}`,
    variables: { kamalVersion: version },
    ...change,
  });
}
