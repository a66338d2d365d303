import { describe, expect, it } from "vitest";
import type { QueueEvidence, QueueWindow } from "../../../src/deploys/verdict/types.ts";
import { createOwnership } from "../../../src/graphql/deploys/ownership.ts";
import type { WorkerGroups } from "../../../src/graphql/queues/workers.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { type QueueOwner, toConfiguredOwner, toOwners } from "../../../src/queues/owners.ts";
import { createGroupOf, listHosts } from "../../../src/releases/worker.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleRecord } from "../../support/deploys.ts";
import { sampleFailures } from "../../support/queues.ts";
import { finish } from "../../support/steps.ts";

const deploy = sampleRecord({ service: "shop", destination: null, env: "staging" });
const group = (service: string | null, destination: string | null = null, env: Environment | null = "staging") => ({
  service,
  destination,
  env,
});
const shop = group("shop");

function open(
  owners: Readonly<Record<string, readonly QueueOwner[] | null>>,
  { at = [shop], environments }: { at?: readonly ReturnType<typeof group>[]; environments?: Environment[] } = {},
) {
  const containers = at.map((one, index) => ({ ...one, host: `host-${index}`, id: `id-${index}`, version: "v1" }));
  const groups: WorkerGroups = {
    groupOf: async () => finish(createGroupOf(containers)),
    hostsOf: async (toClass) => finish(listHosts(containers, toClass)),
    groups: at,
    foreignApps: [],
  };
  const { principal } = createCaller(undefined, environments);
  const sources = [{ name: "jobs" }] as never;
  const ownersOf = async () => (queue: string) => owners[queue] ?? null;
  return createOwnership(deploy, sources, { principal, ownersOf, groups });
}
const evidence = (queue: string, more: Partial<QueueEvidence> = {}): QueueEvidence => ({
  queue,
  source: "jobs",
  before: null,
  after: null,
  endedBefore: 0,
  endedAfter: 0,
  ...more,
});
const unattributed = (succeeded: number, failed: number) =>
  ({ succeeded: 0, failed: 0, unattributed: { succeeded, failed } }) as QueueWindow;

describe("the gaps of shared queues", () => {
  it("name the queues of each set of services if rows name no workers", async () => {
    const both = toOwners([shop, group("billing")], "workers");
    const three = toOwners([shop, group("crm"), group("billing", "beta")], "workers");
    const { toGaps, isOwn } = await open({ b: both, a: both, c: three, own: toOwners([shop], "workers") });
    for (const queue of ["a", "odd", "own"]) isOwn({ queue, source: "jobs" });
    const why =
      "and the rows of ended jobs do not name their workers: only new errors of the service's own workers count";
    const shared = ["b", "a", "c"].map((queue) => evidence(queue, { isUnattributed: true }));
    expect(toGaps([...shared, evidence("own")])).toEqual([
      "jobs: which service works on odd is not known",
      `jobs: billing works on a, b too, ${why}`,
      `jobs: billing -d beta, crm work on c too, ${why}`,
    ]);
  });

  it("count the jobs with unknown workers", async () => {
    const { toGaps } = await open({ a: toOwners([shop, group("billing")], "workers"), b: toOwners([shop], "workers") });
    const partly = evidence("a", { before: unattributed(3, 1), after: unattributed(0, 2) });
    const one = evidence("b", { after: unattributed(1, 0) });
    expect(toGaps([partly, one, evidence("c", { after: unattributed(0, 0) })])).toEqual([
      "jobs: billing works on a too, and the workers of 6 ended jobs are not known",
      "jobs: another service works on b too, and the workers of 1 ended job are not known",
    ]);
    const many = Array.from({ length: 8 }, () => one);
    expect(toGaps(many)).toHaveLength(6);
    expect(toGaps(many).at(-1)).toBe("... (and 3 more)");
  });
});

describe("a queue of every destination", () => {
  const owners = { mail: [toConfiguredOwner({ service: "shop" })] };
  const mail = { queue: "mail", source: "jobs" };

  it.each<[string, ReturnType<typeof group>, boolean]>([
    ["another destination", group("shop", "beta"), true],
    ["one of an unknown environment", group("shop", "beta", null), true],
    ["one of another environment", group("shop", "beta", "production"), false],
    ["another service", group("billing"), false],
  ])("is shared beside %s: %#", async (_, other, isShared) => {
    expect((await open(owners, { at: [shop, other] })).isShared(mail)).toBe(isShared);
  });

  it("does not name one that the token may not see", async () => {
    const at = [shop, group("shop", "beta", null)];
    const gapsOf = async (environments?: Environment[]) =>
      (await open(owners, { at, ...(environments && { environments }) })).toGaps([
        evidence("mail", { isUnattributed: true }),
      ])[0];
    expect(await gapsOf()).toMatch(/^jobs: shop -d beta works on mail too/);
    expect(await gapsOf(["staging"])).toMatch(/^jobs: another service works on mail too/);
  });
});

describe("a queue whose jobs ended on the service's workers", () => {
  const owners = {
    own: toOwners([shop], "workers"),
    other: toOwners([group("billing")], "workers"),
    configured: [toConfiguredOwner({ service: "billing" })],
  };

  it("is the service's, and may be shared unless configured", async () => {
    const { isOwn, isShared, toGaps } = await open(owners);
    const seen = ["own", "other", "configured", "unknown"].map((queue) => {
      const one = { queue, source: "jobs" };
      return [isOwn(one, true), isShared(one)];
    });
    expect(seen).toEqual([
      [true, false],
      [true, true],
      [false, true],
      [true, true],
    ]);
    expect(toGaps([])).toEqual([]);
  });
});

describe("a failure", () => {
  it("of an unknown worker is the service's only in its own queues", async () => {
    const both = toOwners([shop, group("billing")], "workers");
    const { countsForDeploy } = await open(
      { mail: toOwners([shop], "alone"), shared: both },
      { at: [shop, group("billing"), group(null)] },
    );
    const of = (queue: string, worker: string | null) =>
      countsForDeploy(sampleFailures({ queue, source: "jobs", worker }));
    expect(["host-0", "host-1", "host-2", "gone", null].map((worker) => of("mail", worker))).toEqual([
      true,
      false,
      true,
      true,
      true,
    ]);
    expect(["gone", null].map((worker) => of("shared", worker))).toEqual([false, false]);
    expect(of("odd", null)).toBe(false);
  });

  it("of an unknown worker may be the service's wherever it may work", async () => {
    const both = toOwners([shop, group("billing")], "workers");
    const { mayCountForDeploy } = await open(
      { shared: both, foreign: toOwners([group("billing")], "workers") },
      { at: [shop, group("billing")] },
    );
    const of = (queue: string, worker: string | null) =>
      mayCountForDeploy(sampleFailures({ queue, source: "jobs", worker }));
    expect(["host-0", "host-1", "gone", null].map((worker) => of("shared", worker))).toEqual([true, false, true, true]);
    expect(["gone", null].map((worker) => of("foreign", worker))).toEqual([false, false]);
    expect(of("odd", null)).toBe(true);
  });

  it("has workers of one class, by the names of their hosts", async () => {
    const at = [shop, group("shop", "beta"), group("billing"), group(null), group("shop", null, "production")];
    const { hosts } = await open({}, { at });
    expect(Object.fromEntries([...hosts].map(([of, names]) => [of, names.toSorted()]))).toEqual({
      own: ["host-0", "id-0"],
      other: ["host-1", "host-2", "host-4", "id-1", "id-2", "id-4"],
    });
  });
});
