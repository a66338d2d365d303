import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { says, startFleet, startStub } from "../support/fleet.ts";

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

const stub = async (reply: Parameters<typeof startStub>[0]) => stack.use(await startStub(reply));
/** Between two regions that work. */
async function startAround(bad: string) {
  const start = async (name: string) => (await stub(says({ data: { hosts: [{ name, cpuUtil: 0.5 }] } }))).url;
  return stack.use(await startFleet({ eu: await start("eu-1"), bad, us: await start("us-1") }));
}

describe("a hostile region", () => {
  const few = [{ name: "bad-1" }];
  const errors = (one: object) => ({ data: { hosts: few }, errors: Array(20_000).fill(one) });
  const misfits = (row: object) => ({ data: { hosts: Array(20_000).fill(row) } });

  it.each([
    ["errors of rows", { message: "m", path: ["hosts", 0, "x"] }],
    ["errors of nothing", {}],
    ["errors without a form", { message: {}, path: "hosts", extensions: [] }],
  ])("of many %s has its errors cut before they are made", async (_, one) => {
    const made = vi.spyOn(Error, "captureStackTrace");
    onTestFinished(() => made.mockRestore());
    const fleet = await startAround((await stub(says(errors(one)))).url);
    const { body } = await fleet.query("{ hosts { name } }");
    expect(body.data.hosts.map(({ name }: { name: string }) => name)).toEqual(["eu-1", "bad-1", "us-1"]);
    expect(body.errors).toHaveLength(100);
    // Each error that is made has a stack.
    expect(made.mock.calls.length).toBeLessThan(1000);
  });

  it.each([200, 500])("of a long error is quoted in part, with status %i", async (status) => {
    const long = "x".repeat(1_000_000);
    const error = {
      message: long,
      path: ["hosts", ...Array(1000).fill(long.slice(0, 500))],
      extensions: { code: long, more: long },
    };
    const answer = { data: status === 200 ? { hosts: few } : null, errors: [error] };
    const fleet = await startAround((await stub(says(answer, status))).url);
    const { body } = await fleet.query("{ hosts { name } }");
    expect(body.data.hosts).toContainEqual({ name: "eu-1" });
    expect(body.errors?.[0]).toMatchObject({ message: `${"x".repeat(2000)}…`, extensions: { region: "bad" } });
    expect(JSON.stringify(body.errors).length).toBeLessThan(25_000);
  });

  it.each([
    ["nothing in them", misfits({})],
    ["a value that is missing", misfits({ name: "a" })],
    ["a value of another type", misfits({ name: "a", cpuUtil: "all" })],
    ["a row for a value", misfits({ name: "a", cpuUtil: {} })],
  ])("of many rows with %s is one error, and the others answer", async (_, answer) => {
    const fleet = await startAround((await stub(says(answer))).url);
    const { body } = await fleet.query("{ hosts { name cpuUtil } }");
    expect(body.data.hosts.map(({ name }: { name: string }) => name)).toEqual(["eu-1", "us-1"]);
    expect(body.errors).toHaveLength(1);
    expect(body.errors?.[0]).toMatchObject({
      message: expect.stringContaining("bad answers what this version does not know"),
      path: ["hosts"],
      extensions: { code: "not_a_gateway", region: "bad" },
    });
  });

  it.each([
    ["empty rows", (count: number) => ({ data: { hosts: Array.from({ length: count }, () => ({})) } })],
    ["empty errors", (count: number) => ({ data: { hosts: [] }, errors: Array.from({ length: count }, () => ({})) })],
    ["empty lists", (count: number) => ({ data: { other: Array.from({ length: count }, () => []) } })],
  ])("of a million %s is too large, and the others answer", async (_, toAnswer) => {
    const fleet = await startAround((await stub(says(toAnswer(1_000_000)))).url);
    const { body } = await fleet.query("{ hosts { name } }");
    expect(body.data.hosts.map(({ name }: { name: string }) => name)).toEqual(["eu-1", "us-1"]);
    expect(body.errors).toMatchObject([{ path: ["hosts"], extensions: { code: "answer_too_large", region: "bad" } }]);
  });
});
