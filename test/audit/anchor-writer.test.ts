import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createAnchorWriter } from "../../src/audit/anchor-writer.ts";
import { parseAnchors } from "../../src/audit/anchors.ts";
import type { AuditHead } from "../../src/audit/audit.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { emptyHead } from "../support/audit.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "ops-anchor-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const toHead = (seq: number): AuditHead => ({ seq, hash: `${seq}`.repeat(64), at: "2026-01-13T09:46:00.000Z" });

/** A writer whose record has this head, or cannot be read. */
function setUp(target: string | null, post?: typeof fetch) {
  const record: { head: AuditHead | null; reads: number } = { head: toHead(1), reads: 0 };
  const logged: unknown[] = [];
  const note = (fields: object, text: string) => void logged.push([text, fields]);
  const writer = createAnchorWriter({
    ledger: {
      head: async () => {
        record.reads += 1;
        if (record.head === null) throw new Error("away");
        // With what must not leave the record.
        return { ...record.head, reason: "stuck", ip: "192.0.2.7" };
      },
    },
    target,
    logger: { ...silentLogger, info: note, error: note },
    everyMs: 2,
    ...(post && { post }),
  });
  /** Two more looks have begun: so one of them has seen what is there now. */
  const look = async () => {
    const from = record.reads;
    await expect.poll(() => record.reads).toBeGreaterThan(from + 1);
  };
  return { writer, record, logged, look };
}

it("a head is in the log once, at the start and when it has moved", async () => {
  const { writer, record, logged, look } = setUp(null);
  record.head = emptyHead;
  expect(writer.state()).toEqual({ entries: null, failures: 0 });
  writer.start();
  writer.start();
  await look();
  expect([logged, writer.state().entries]).toEqual([[], 0]);
  record.head = toHead(1);
  await look();
  record.head = null;
  await look();
  expect(writer.state()).toEqual({ entries: null, failures: 0 });
  record.head = toHead(2);
  await writer.close();
  expect(logged).toEqual([1, 2].map((seq) => ["audit head", { audit: toHead(seq) }]));
  expect(writer.state()).toEqual({ entries: 2, failures: 0 });
});

it("a head is appended to a private file, the last one at the end", async () => {
  const path = join(folder, "heads.jsonl");
  writeFileSync(path, `${JSON.stringify(toHead(7))}\n`, { mode: 0o600 });
  const { writer, record, look } = setUp(path);
  writer.start();
  await look();
  record.head = toHead(2);
  await writer.close();
  expect(
    readFileSync(path, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([7, 1, 2].map(toHead));
  rmSync(path);
  const again = setUp(path);
  again.writer.start();
  await again.writer.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(parseAnchors(readFileSync(path, "utf8"))).toEqual([{ seq: 1, hash: toHead(1).hash }]);
});

it("a head that cannot be written is counted, logged once, and tried again", async () => {
  const path = join(folder, "heads.jsonl");
  mkdirSync(path);
  const { writer, logged, look } = setUp(path);
  writer.start();
  await expect.poll(() => writer.state().failures).toBeGreaterThan(2);
  expect(logged).toEqual([
    ["audit head", { audit: toHead(1) }],
    ["The head of the audit record cannot be anchored", { upstream: "audit_anchor", cause: "EISDIR" }],
  ]);
  rmSync(path, { recursive: true });
  await look();
  await writer.close();
  expect(logged.slice(2)).toEqual([["The head of the audit record is anchored again", { upstream: "audit_anchor" }]]);
  expect(parseAnchors(readFileSync(path, "utf8"))).toHaveLength(1);
});

it("a head is sent to a URL, whose secrets are in no message", async () => {
  const sent: unknown[] = [];
  const answers = [
    new Response("no", { status: 503 }),
    new TypeError("https://u:p@a.example"),
    new Response(null, { status: 204 }),
  ];
  const { writer, logged } = setUp("https://u:p@a.example/heads?key=secret", async (url, init) => {
    sent.push([
      new URL(url as URL).href,
      init?.method,
      init?.body,
      init?.redirect,
      new Headers(init?.headers).get("authorization"),
    ]);
    const answer = answers.shift();
    if (!(answer instanceof Response)) throw answer;
    return answer;
  });
  writer.start();
  await expect.poll(() => sent.length).toBe(3);
  await writer.close();
  const body = `${JSON.stringify(toHead(1))}\n`;
  const asked = ["https://a.example/heads?key=secret", "POST", body, "error", `Basic ${btoa("u:p")}`];
  expect(sent).toEqual([asked, asked, asked]);
  expect(writer.state()).toEqual({ entries: 1, failures: 2 });
  const upstream = "audit_anchor";
  expect(logged.slice(1)).toEqual([
    ["The head of the audit record cannot be anchored", { upstream, cause: "HTTP 503" }],
    ["The head of the audit record cannot be anchored", { upstream, cause: "the request failed" }],
    ["The head of the audit record is anchored again", { upstream }],
  ]);
});
