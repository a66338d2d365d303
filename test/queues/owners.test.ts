import { describe, expect, it } from "vitest";
import {
  describeOwners,
  isOwnedBy,
  listOtherOwners,
  type QueueOwner,
  toConfiguredOwner,
  toOwner,
  toOwners,
} from "../../src/queues/owners.ts";
import type { ServiceGroup } from "../../src/releases/service-group.ts";

const group = (service: string | null, destination: string | null = null): ServiceGroup => ({
  service,
  destination,
  env: null,
});
const [shop, beta, billing, nobody] = [group("shop"), group("shop", "beta"), group("billing"), group(null)];
type Owners = readonly QueueOwner[] | null;
const workers = (...groups: ServiceGroup[]): Owners => toOwners(groups, "workers");
const configured = (service: string, destination?: string | null): Owners => [
  toConfiguredOwner({ service, destination }),
];
const alone = (only: ServiceGroup): Owners => toOwners([only], "alone");
const unsure = (asking: ServiceGroup) => ({ ...asking, ambiguous: true });

describe("a queue", () => {
  it.each<[string, Owners, ServiceGroup, boolean | null]>([
    ["of unknown owners", null, shop, null],
    ["of its workers", workers(shop), shop, true],
    ["of its workers in another environment", workers({ ...shop, env: "production" }), shop, true],
    ["of several workers", workers(billing, shop), shop, true],
    ["of other workers", workers(billing), shop, false],
    ["of workers of another destination", workers(beta), shop, false],
    ["of workers, for a deploy of an unknown service", workers(shop), nobody, null],
    ["of workers, for a deploy that may be of their service", workers(shop), unsure(shop), null],
    ["of workers, for a deploy that may be to their destination", workers(beta), unsure(shop), null],
    ["of workers, for a deploy that is of another service", workers(shop), unsure(billing), false],
    ["of a configured service", configured("shop"), shop, true],
    ["of a configured service at any destination", configured("shop"), beta, true],
    ["of a configured service at no destination", configured("shop", null), beta, false],
    ["of a configured destination", configured("shop", "beta"), beta, true],
    ["of another configured service", configured("billing"), shop, false],
    ["of a configured service, for a deploy of an unknown one", configured("shop"), nobody, null],
    ["of the only service", alone(shop), shop, true],
    ["of the only service, for a deploy that names none", alone(shop), nobody, true],
    ["of the only service, which is not the only one", alone(shop), billing, null],
    ["of the only service, at another destination", alone(shop), beta, null],
    ["of the only service, for an unsure deploy", alone(shop), unsure(shop), null],
    ["where no service has a name", alone(nobody), nobody, true],
    ["of workers that nobody may see, for a deploy that names none", workers(nobody), nobody, null],
    ["of workers that nobody may see", workers(nobody), shop, false],
    ["of workers, one of which nobody may see", workers(nobody, shop), shop, true],
  ])("%s is owned: %#", (_, owners, by, expected) => {
    expect(isOwnedBy(owners, by)).toBe(expected);
  });

  it.each<[Owners, ServiceGroup, readonly string[]]>([
    [workers(shop), shop, []],
    [workers(shop, { ...shop, env: "production" }), shop, []],
    [workers(shop, billing, beta), shop, ["billing", "shop -d beta"]],
    [workers(shop, nobody), shop, ["no name"]],
    [configured("shop"), beta, []],
    [configured("shop", "beta"), shop, ["shop -d beta"]],
    [alone(shop), billing, []],
  ])("has others that work on it: %#", (owners, by, expected) => {
    expect(listOtherOwners(owners ?? [], by).map((one) => describeOwners([one]))).toEqual(expected);
  });

  it.each<[Owners, string | null, string | null, string]>([
    [null, null, null, "unknown"],
    [workers(beta), "shop", "beta", "shop -d beta"],
    [workers(beta, { ...beta, env: "production" }), "shop", "beta", "shop -d beta"],
    [workers(shop, beta), "shop", null, "shop, shop -d beta"],
    [workers(shop, billing), null, null, "billing, shop"],
    [configured("shop"), "shop", null, "shop"],
    [configured("shop", "beta"), "shop", "beta", "shop -d beta"],
    [alone(beta), "shop", "beta", "shop -d beta"],
    [alone(nobody), null, null, "no name"],
  ])("of %j is shown as one of %j at %j: %s", (owners, service, destination, text) => {
    expect(toOwner(owners)).toEqual({ service, destination });
    expect(describeOwners(owners)).toBe(text);
  });
});
