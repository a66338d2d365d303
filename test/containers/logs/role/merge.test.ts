import { expect, it, vi } from "vitest";
import { createRoleInbox } from "../../../../src/containers/logs/role/merge.ts";

type Lines = Parameters<ReturnType<typeof createRoleInbox>["push"]>[0];

/** What a line of one character counts as. */
const lineSize = 129;

/** Lines of one container, a millisecond apart. */
const toLines = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    const timestamp = `2026-01-13T09:46:00.${String(index).padStart(3, "0")}000000Z`;
    return { timestamp, stream: "stdout", level: null, message: String(index), container: { name: "web" } };
  }) as unknown as Lines;

/** Whether a promise is settled once everything that is due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const settled = vi.fn<() => void>();
  void promise.then(settled);
  await new Promise((resolve) => setImmediate(resolve));
  return settled.mock.calls.length > 0;
}

it("there is room up to the size, and again once the reader took more", async () => {
  const inbox = createRoleInbox({ maxSize: 3 * lineSize, holdMs: 60_000 });
  inbox.push(toLines(3));
  expect(await isSettled(inbox.room())).toBe(true);
  inbox.push(toLines(1));
  const room = inbox.room();
  expect(await isSettled(room)).toBe(false);
  const stop = new AbortController();
  const batches = inbox.read(stop.signal);
  const { value } = await batches.next();
  expect(value?.lines.length).toBeGreaterThan(0);
  expect(await isSettled(room)).toBe(true);
  stop.abort("bye");
  expect((await batches.next()).value).toEqual({ lines: [], dropped: 0, notices: [], ended: "bye" });
});

it("a waiting reader is woken by size, notice, loss and error", async () => {
  const inbox = createRoleInbox({ maxSize: 3 * lineSize, holdMs: 60_000 });
  const batches = inbox.read(new AbortController().signal);
  inbox.push(toLines(1));
  const first = batches.next();
  expect(await isSettled(first)).toBe(false);
  inbox.push(toLines(3));
  expect((await first).value?.lines.length).toBeGreaterThan(0);
  const notice = { kind: "gap" } as never;
  const second = batches.next();
  inbox.notify(notice);
  expect((await second).value).toMatchObject({ lines: [], notices: [notice], dropped: 0 });
  const third = batches.next();
  inbox.lose(2);
  inbox.lose(3);
  expect((await third).value).toMatchObject({ notices: [], dropped: 5 });
  const last = batches.next();
  inbox.fail(new Error("broken"));
  await expect(last).rejects.toThrow("broken");
});

it("closing ends the wait for room", async () => {
  const inbox = createRoleInbox({ maxSize: lineSize, holdMs: 60_000 });
  inbox.push(toLines(5));
  const room = inbox.room();
  expect(await isSettled(room)).toBe(false);
  inbox.close();
  expect(await isSettled(room)).toBe(true);
  expect(await isSettled(inbox.room())).toBe(true);
});
