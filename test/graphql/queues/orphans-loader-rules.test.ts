import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import type { EngineStatus } from "../../../src/containers/source.ts";
import { selectEngines } from "../../../src/graphql/containers/loader.ts";
import { findBlindSpot } from "../../../src/graphql/queues/orphans-loader.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer, sampleEngine } from "../../support/containers.ts";

const web = sampleContainer({ host: "37.27.91.235-56703216100c", hostNames: ["37.27.91.235", "web-1"] });

describe("findBlindSpot", () => {
  const { principal } = createCaller();
  const staging = createCaller(undefined, ["staging"]).principal;
  const engine = sampleEngine({ name: "web-1", runs: new Set() });
  const find = (containers: readonly Container[], engines: readonly EngineStatus[], who = principal) =>
    findBlindSpot(containers, selectEngines(who, engines), who);

  it("is a silent engine, or a container without a known host name", () => {
    expect(find([web], [engine])).toBeNull();
    const silent = {
      ...engine,
      name: "web-2",
      ok: false,
      error: { code: "docker_timeout", message: "took longer than 2 s" },
    };
    expect(find([web], [engine, silent])).toBe("engine web-2 does not answer: took longer than 2 s");
    const wedged = sampleContainer({ isInspected: false });
    expect(find([web, wedged], [engine])).toContain(`container ${wedged.id} on engine local`);
    expect(find([], [])).toBe("no configured engine may run them");
  });

  it("ignores other environments, and names nothing of an unknown one", () => {
    const own = { ...engine, env: "staging" as const };
    const error = { code: "docker_timeout", message: "Docker engine db-7: no answer" };
    const production: EngineStatus = { ...engine, name: "db-7", env: "production", ok: false, error };
    const wedged = (env: Container["env"]) =>
      sampleContainer({ name: "wedged", env, isInspected: false, engine: "db-7" });
    expect(find([web, wedged("production")], [own, production], staging)).toBeNull();
    expect(find([web, wedged("production")], [own], principal)).toContain("on engine db-7");
    expect(find([web, wedged(null)], [own, production], staging)).toBe(
      "a container that this token may not see cannot be inspected",
    );
    expect(find([web, wedged("staging")], [own, production], staging)).toContain("on engine db-7 cannot be inspected");
    expect(find([web], [own, { ...production, env: null, runs: null }], staging)).toBe(
      "an engine does not answer: An engine without a configured environment does not answer",
    );
    expect(find([web], [own, { ...production, env: null }], staging)).toBeNull();
    expect(find([web], [production], staging)).toBe("no configured engine may run them");
  });
});

it("an unnamed engine that does not answer has its reason", () => {
  const silent = [{ name: null, message: "too late" }];
  const { principal } = createCaller();
  expect(findBlindSpot([], { shown: [], silent } as never, principal)).toBe("an engine does not answer: too late");
  expect(findBlindSpot([], { shown: [{}], silent: [] } as never, principal)).toBeNull();
  const wedged = sampleContainer({ isInspected: false, engine: "e" });
  expect(findBlindSpot([wedged], { shown: [{}], silent: [] } as never, principal)).toBe(
    `container ${wedged.id} on engine e cannot be inspected`,
  );
});
