import { expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import type { ContainerEvent, EventBatch } from "../../../src/containers/events.ts";
import type { EngineStatus } from "../../../src/containers/source.ts";
import { followEvents } from "../../../src/graphql/containers/live.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createCaller } from "../../support/caller.ts";
import { collect } from "../../support/collect.ts";
import { sampleContainer, sampleEvent } from "../../support/containers.ts";
import { sampleDeployInfo } from "../../support/deploys.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const web = sampleContainer({ name: "web" });
const toEvent = (container: Container) => sampleEvent({ time: "2026-01-13T10:00:00Z", container });
const batch = (more: Partial<EventBatch>): EventBatch => ({
  events: [],
  dropped: 0,
  interrupted: [],
  ended: null,
  ...more,
});

async function follow(
  batches: readonly EventBatch[],
  caller = createCaller(),
  engines: readonly Partial<EngineStatus>[] = [],
) {
  const { sources, calls } = createMemorySources({
    containers: [web],
    engines: [
      { name: "local", ok: true, error: null },
      ...engines.map((one) => ({ name: "", ok: true, error: null, ...one })),
    ],
  });
  const order: string[] = [];
  const accepted: boolean[] = [];
  const { signal } = new AbortController();
  const containers = {
    ...sources.containers,
    list: async (given: AbortSignal) => {
      order.push(`list ${given === signal}`);
      return sources.containers.list(given);
    },
    events(accepts: (event: ContainerEvent) => boolean, given: AbortSignal) {
      order.push(`events ${given === signal}`);
      accepted.push(accepts(toEvent(web)), accepts(toEvent({ ...web, name: "other" })));
      return (async function* () {
        yield* batches;
      })();
    },
  };
  const context = createContext({ ...sources, containers }, caller);
  const opened = await followEvents(context, ({ name }) => name === "web", signal);
  expect(order).toEqual(["events true", "list true"]);
  return { messages: await collect(opened), accepted, calls };
}

it("accepted events are read from before the list", async () => {
  const given = [batch({ events: [toEvent(web)], dropped: 3 }), batch({ ended: "shutdown" }), batch({})];
  const { messages, accepted, calls } = await follow(given);
  expect(messages).toEqual(given);
  expect(messages.every((message, index) => message === given[index])).toBe(true);
  expect(accepted).toEqual([true, false]);
  expect(calls).toEqual({ list: 1 });
});

it("engines that the token may not see are not named", async () => {
  const engines = [
    { name: "own", env: "staging" as const },
    { name: "hidden", env: "production" as const },
  ];
  const event = toEvent(web);
  const given = [
    batch({ interrupted: ["hidden", "own"], dropped: 2 }),
    batch({ interrupted: ["hidden"], dropped: 2 }),
    batch({ interrupted: ["hidden"], events: [event] }),
    batch({ interrupted: ["hidden"], ended: "expired" }),
    batch({ events: [event] }),
  ];
  const limited = await follow(given, createCaller(undefined, ["staging"]), engines);
  expect(limited.messages).toEqual([
    batch({ interrupted: ["own"], dropped: 2 }),
    batch({ events: [event] }),
    batch({ ended: "expired" }),
    batch({ events: [event] }),
  ]);
  expect((await follow(given, createCaller(), engines)).messages).toEqual(given);
});

it("containers with moving tags are named by their group's deploy", async () => {
  const floating = { ...web, version: "latest", floating: true };
  const other = { ...floating, kind: "other" as const };
  const { messages } = await follow([batch({ events: [toEvent(web), toEvent(floating), toEvent(other)], dropped: 1 })]);
  const named = { ...floating, version: sampleDeployInfo.currentTag, floating: false };
  expect(messages).toEqual([batch({ events: [toEvent(web), toEvent(named), toEvent(other)], dropped: 1 })]);
});
