import { expect, test } from "vitest";
import { createBodyReader } from "../../src/console/body-reader.ts";

/** A request whose body is there, or arrives never. */
function createRequest(ip: string | undefined, body?: Buffer) {
  const read = (_maxBytes?: number, signal?: AbortSignal) =>
    body
      ? Promise.resolve(body)
      : new Promise<Buffer>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
  return { ip, body: read };
}

/** Starts reads that do not end; the codes that they end with, by their place. */
function createScene(limits: { deadlineMs?: number; perNetwork?: number; total?: number }) {
  const reader = createBodyReader({ deadlineMs: 60_000, perNetwork: 2, total: 4, ...limits });
  const ended: string[] = [];
  const begin = (name: string, ip: string | undefined) => {
    void reader.read(createRequest(ip), 10).catch(({ code }: { code: string }) => ended.push(`${name} ${code}`));
  };
  return { reader, ended, begin };
}

test("beyond its share a network loses its own oldest body", async () => {
  const { ended, begin } = createScene({});
  begin("other", "192.0.2.1");
  for (const name of ["a", "b", "c", "d"]) begin(name, `10.0.0.${name.charCodeAt(0)}`);
  await expect.poll(() => ended).toEqual(["a overloaded", "b overloaded"]);
});

test("beyond the total the network with the most loses its oldest body", async () => {
  const { ended, begin } = createScene({ perNetwork: 3 });
  begin("one", "192.0.2.1");
  for (const name of ["a", "b", "c"]) begin(name, "::ffff:10.0.0.1");
  begin("new", "2001:db8::1");
  await expect.poll(() => ended).toEqual(["a overloaded"]);
  begin("same", "2001:db8::2");
  await expect.poll(() => ended).toEqual(["a overloaded", "b overloaded"]);
});

test("a read that has ended counts no longer", async () => {
  const { reader, ended, begin } = createScene({});
  for (let index = 0; index < 10; index += 1) {
    expect(String(await reader.read(createRequest("10.0.0.1", Buffer.from("body")), 10))).toBe("body");
  }
  begin("a", "10.0.0.1");
  begin("b", "10.0.0.2");
  expect(String(await reader.read(createRequest(undefined, Buffer.from("body")), 10))).toBe("body");
  expect(ended).toEqual([]);
});

test("a body without an end is refused after the deadline", async () => {
  const { reader } = createScene({ deadlineMs: 20 });
  await expect(reader.read(createRequest("10.0.0.1"), 10)).rejects.toMatchObject({
    code: "request_timeout",
    message: "The body did not arrive within 0.02 s",
    headers: { Connection: "close" },
  });
});
