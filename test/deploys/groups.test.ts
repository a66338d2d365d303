import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import type { ReleaseImage } from "../../src/containers/source.ts";
import * as groups from "../../src/deploys/groups.ts";
import { fromContainers, fromImages } from "../../src/deploys/merge.ts";
import { isOfDeploy } from "../../src/deploys/state.ts";
import { describeGroup, toGroupKey } from "../../src/releases/service-group.ts";
import { sampleContainer } from "../support/containers.ts";
import { assignGroups, createGroupFinder, createInfoFor } from "../support/deploy-steps.ts";
import { sampleRecord, sampleDeployInfo } from "../support/deploys.ts";
import { longestPiece } from "../support/steps.ts";

let made = 0;
const web = (more: Partial<Container> = {}) =>
  sampleContainer({ name: `web-${made++}`, service: "wallet-core", env: null, version: "v1", commitSha: "", ...more });
const production = web({ destination: "production", env: "production" });
const beta = web({ destination: "beta" });
const plain = web();
/** What a pipeline writes that names neither service nor destination. */
const unnamed = sampleRecord({ service: null, env: null, tag: "v1" });
const find = (record: ReturnType<typeof sampleRecord>, ...containers: Container[]) => {
  const group = createGroupFinder(containers)(record);
  return group && describeGroup(group);
};

describe("the group of a deploy", () => {
  it("is that of its service and destination, and no other", () => {
    const record = { ...unnamed, service: "wallet-core", destination: "beta" };
    expect(find(record, production, beta, plain)).toBe("wallet-core -d beta (unknown environment)");
    expect(find(record, production, plain)).toBe("wallet-core -d beta (unknown environment)");
    expect(find({ ...record, service: "shop" }, beta)).toBe("shop -d beta (unknown environment)");
  });

  it("has no destination when the deploy has none and such containers run", () => {
    expect(find({ ...unnamed, service: "wallet-core" }, production, beta, plain)).toBe(
      "wallet-core (unknown environment)",
    );
  });

  it("is the only running one for a deploy that names none", () => {
    expect(find(unnamed, production)).toBe("wallet-core -d production (production)");
    const stopped = { ...beta, status: "exited" };
    expect(find(unnamed, production, stopped)).toBe("wallet-core -d production (production)");
    expect(find(unnamed, stopped)).toBe("wallet-core -d beta (unknown environment)");
    // Accessories are of no deploy.
    expect(find(unnamed, production, { ...beta, kind: "accessory" })).toBe("wallet-core -d production (production)");
    const unknown = { ...unnamed, tag: "v9", version: "v9" };
    expect(find(unknown, production, { ...beta, kind: "accessory" })).toBe("wallet-core -d production (production)");
  });

  it("runs when one of its containers does, and has a container's release", () => {
    const [stopped, stoppedBeta] = [
      { ...plain, status: "exited" },
      { ...beta, status: "exited", version: "v2" },
    ];
    expect(find(unnamed, production, { ...production, status: "exited" }, stoppedBeta)).toBe(
      "wallet-core -d production (production)",
    );
    expect(find({ ...unnamed, service: "wallet-core" }, plain, stopped, beta)).toBe(
      "wallet-core (unknown environment)",
    );
    expect(find({ ...unnamed, tag: "v2", version: "v2" }, production, beta, { ...beta, version: "v2" })).toBe(
      "wallet-core -d beta (unknown environment)",
    );
  });

  it("is unknown when the destination may be meant as an environment", () => {
    const record = { ...unnamed, env: "staging" as const, destination: "staging" };
    const [staged, elsewhere] = [
      { ...plain, env: "staging" as const },
      { ...beta, env: "staging" as const },
    ];
    expect(find(record, staged)).toBe("wallet-core (staging)");
    expect(find(record, elsewhere)).toBe("unknown service -d staging (staging)");
    expect(find({ ...record, service: "wallet-core" }, staged)).toBe("wallet-core -d staging (staging)");
    expect(find({ ...record, env: null }, staged)).toBe("unknown service -d staging (unknown environment)");
  });

  it("is part of the deploy; an ambiguous one says so", () => {
    const [one, several] = [
      sampleRecord({ service: "wallet-core", env: null, tag: "v1", deployedBy: "kim" }),
      sampleRecord({ service: null, env: null, tag: "v9" }),
    ];
    expect(
      assignGroups(
        [one, several],
        [
          { ...plain, env: "production" },
          { ...plain, service: "shop" },
        ],
      ),
    ).toEqual([
      { ...one, env: "production" },
      { ...several, ambiguous: true },
    ]);
  });

  it("is chosen by the environment where that is known", () => {
    expect(find({ ...unnamed, env: "production" }, production, beta)).toBe("wallet-core -d production (production)");
    const mapped = { ...beta, env: "production" as const };
    expect(find({ ...unnamed, env: "production" }, production, mapped)).toBeNull();
    expect(find({ ...unnamed, env: "staging" }, production, beta)).toBe("unknown service (staging)");
  });

  it("is chosen by the release when one group alone has it", () => {
    const newer = { ...beta, version: "v2" };
    expect(find(unnamed, production, newer)).toBe("wallet-core -d production (production)");
    expect(find({ ...unnamed, tag: "v2", version: "v2" }, production, newer)).toBe(
      "wallet-core -d beta (unknown environment)",
    );
    expect(find({ ...unnamed, tag: "v3", version: "v3" }, production, newer)).toBeNull();
    expect(find(unnamed, production, beta)).toBeNull();
    // Of two services, and of two environments of one without a destination.
    expect(find(unnamed, plain, { ...plain, service: "shop" })).toBeNull();
    expect(find({ ...unnamed, service: "wallet-core" }, plain, { ...plain, env: "staging" })).toBeNull();
  });

  it("has no destination when a pipeline's destination is an environment", () => {
    const record = { ...unnamed, destination: "staging", env: "staging" as const };
    const staging = web({ service: "wallet-core-staging", env: "staging" });
    expect(find(record, staging, production)).toBe("wallet-core-staging (staging)");
    expect(find(record, staging, web({ destination: "staging", env: "staging" }))).toBe(
      "wallet-core -d staging (staging)",
    );
    // Kamal's hook names the service: then it is a destination.
    expect(find({ ...record, service: "wallet-core-staging" }, staging)).toBe(
      "wallet-core-staging -d staging (staging)",
    );
    expect(find({ ...record, destination: "qa", env: null }, staging)).toBe(
      "unknown service -d qa (unknown environment)",
    );
  });

  it("gives a deploy containers of one group at most", () => {
    const group = {
      service: fc.constantFrom("wallet-core", "shop"),
      destination: fc.constantFrom(null, "beta", "production"),
      env: fc.constantFrom("staging" as const, "production" as const, null),
    };
    const container = fc
      .record({ ...group, version: fc.constantFrom("v1", "v2"), status: fc.constantFrom("running", "exited") })
      .map(web);
    const record = fc
      .record({ ...group, service: fc.constantFrom("wallet-core", null), tag: fc.constantFrom("v1", "v2") })
      .map(sampleRecord);
    fc.assert(
      fc.property(fc.array(container, { maxLength: 6 }), record, (containers, said) => {
        const [assigned = said] = assignGroups([said], containers);
        const own = containers.filter((one) => isOfDeploy(one, assigned));
        expect(new Set(own.map(toGroupKey)).size).toBeLessThanOrEqual(1);
        for (const one of own) {
          expect([said.service ?? one.service, said.env ?? one.env]).toEqual([one.service, one.env]);
          const mayDiffer =
            said.destination === null || (said.service === null && said.env !== null && one.destination === null);
          expect(mayDiffer || said.destination === one.destination).toBe(true);
        }
      }),
    );
  });
});

/** Fifty containers that report when one of their fields is read. */
function toWatched(field: "version" | "destination", onRead: () => void): readonly Container[] {
  return Array.from({ length: 50 }, (_, index) => {
    const container = web({ service: `shop-${index % 5}` });
    const value = container[field];
    return Object.defineProperty(container, field, {
      get() {
        onRead();
        return value;
      },
    });
  });
}

describe("the groups of thousands of containers", () => {
  it.each(["version", "destination"] as const)("are indexed by %s one container at a time", (field) => {
    expect(longestPiece((onRead) => groups.createGroupFinder(toWatched(field, onRead)))).toBe(1);
  });

  it("are found for deploys of containers one at a time", () => {
    expect(longestPiece((onRead) => fromContainers(toWatched("destination", onRead)))).toBe(1);
  });

  it("are found for images one container at a time", () => {
    const image = { engine: "elsewhere", service: "shop", env: null } as ReleaseImage;
    expect(longestPiece((onRead) => fromImages([image], [], toWatched("destination", onRead)))).toBe(1);
  });
});

describe("deploy_info.json", () => {
  const info = { ...sampleDeployInfo, currentTag: "v1" };

  it("is for containers of its group alone", () => {
    const named = createInfoFor({ ...info, service: "wallet-core", destination: "beta" }, [production, beta]);
    expect([production, beta, { ...beta, kind: "accessory" as const }].map(named)).toEqual([
      null,
      expect.objectContaining({ currentTag: "v1" }),
      null,
    ]);
  });

  it("without a destination is for the only running group, else for none", () => {
    expect(createInfoFor(info, [production])(production)).toBe(info);
    const latest = (container: Container) => ({ ...container, version: "latest", floating: true });
    const both = [latest(production), latest(beta)];
    expect(both.map(createInfoFor(info, both))).toEqual([null, null]);
    const known = { ...info, env: "production" as const };
    expect(both.map(createInfoFor(known, both))).toEqual([known, null]);
    expect(createInfoFor(null, [production])(production)).toBeNull();
  });
});
