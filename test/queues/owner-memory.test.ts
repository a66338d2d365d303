import { describe, expect, it } from "vitest";
import { createOwnerMemory } from "../../src/queues/owner-memory.ts";

const [shop, billing] = ["shop", "billing"].map((service) => ({ service, destination: null, env: null })) as [
  { service: string; destination: null; env: null },
  { service: string; destination: null; env: null },
];
const mail = { source: "jobs", name: "mail" };
const day = 86_400_000;

describe("the memory of owners", () => {
  it("has the services whose workers were seen at a queue of a source", () => {
    const memory = createOwnerMemory(() => 0);
    memory.note(mail, [shop]);
    memory.note(mail, [billing, shop]);
    memory.note(mail, []);
    expect(memory.of(mail)).toEqual([shop, billing]);
    expect(memory.of({ ...mail, source: "other" })).toEqual([]);
    memory.note({ source: "jobs", name: "index" }, [shop]);
    memory.note({ source: "other", name: "mail" }, [billing]);
    expect(memory.ofSource("jobs")).toEqual([shop, billing]);
    expect(memory.ofSource("other")).toEqual([billing]);
    expect(memory.ofSource("none")).toEqual([]);
  });

  it("forgets a service a day after its worker was seen last", () => {
    let now = 0;
    const memory = createOwnerMemory(() => now);
    memory.note(mail, [shop, billing]);
    now = day - 1;
    memory.note(mail, [billing]);
    now = day;
    expect(memory.of(mail)).toEqual([billing]);
    expect(memory.ofSource("jobs")).toEqual([billing]);
    now = 2 * day;
    expect([memory.of(mail), memory.ofSource("jobs")]).toEqual([[], []]);
  });

  it("holds 10,000 queues: those that were noted last", () => {
    const memory = createOwnerMemory(() => 0);
    const nameOf = (index: number) => ({ source: "jobs", name: `q${index}` });
    for (let index = 0; index < 10_000; index += 1) memory.note(nameOf(index), [shop]);
    memory.note(nameOf(0), [shop]);
    memory.note(mail, [shop]);
    expect([0, 1, 2].map((index) => memory.of(nameOf(index)).length)).toEqual([1, 0, 1]);
  });
});
