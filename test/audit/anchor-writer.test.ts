import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createAnchorWriter } from "../../src/audit/anchor-writer.ts";
import { parseAnchors } from "../../src/audit/anchors.ts";
import type { AuditHead } from "../../src/audit/audit.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { emptyHead } from "../support/audit.ts";
import { createAuthority } from "../support/docker-certificates.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "ops-anchor-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const toHead = (seq: number): AuditHead => ({ seq, hash: `${seq}`.repeat(64), at: "2026-01-13T09:46:00.000Z" });

/** A writer whose record has this head, or cannot be read. */
function setUp(
  target: string | null,
  post?: NonNullable<Parameters<typeof createAnchorWriter>[0]["post"]>,
  lastMs?: number,
) {
  const record: { head: AuditHead | null; reads: number; hangs?: boolean } = { head: toHead(1), reads: 0 };
  const logged: (readonly [string, object])[] = [];
  const note = (fields: object, text: string) => void logged.push([text, fields]);
  const writer = createAnchorWriter({
    ledger: {
      head: async () => {
        record.reads += 1;
        if (record.head === null) throw new Error("away");
        if (record.hangs) return new Promise<never>(() => {});
        // With what must not leave the record.
        return { ...record.head, reason: "stuck", ip: "192.0.2.7" };
      },
    },
    target,
    logger: { ...silentLogger, info: note, error: note },
    everyMs: 2,
    ...(post && { post }),
    ...(lastMs !== undefined && { lastMs }),
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
  const answers = [503, new TypeError("https://u:p@a.example"), 302, 204];
  const { writer, logged } = setUp("https://u:p@a.example/heads?key=secret", async ({ href }, { body, headers }) => {
    sent.push([href, body, headers["authorization"], headers["content-type"]]);
    const answer = answers.shift();
    if (typeof answer !== "number") throw answer;
    return answer;
  });
  writer.start();
  await expect.poll(() => sent.length).toBe(4);
  await writer.close();
  const body = `${JSON.stringify(toHead(1))}\n`;
  const asked = ["https://a.example/heads?key=secret", body, `Basic ${btoa("u:p")}`, "application/json"];
  expect(sent).toEqual([asked, asked, asked, asked]);
  expect(writer.state()).toEqual({ entries: 1, failures: 3 });
  const upstream = "audit_anchor";
  expect(logged.slice(1)).toEqual([
    ["The head of the audit record cannot be anchored", { upstream, cause: "HTTP 503" }],
    ["The head of the audit record cannot be anchored", { upstream, cause: "the request failed" }],
    ["The head of the audit record cannot be anchored", { upstream, cause: "HTTP 302" }],
    ["The head of the audit record is anchored again", { upstream }],
  ]);
});

const lastText = "The last head of the audit record was not anchored: it is only in this line";

it("a URL that hangs: the gateway ends, and its log has the last head", async () => {
  const sent: unknown[] = [];
  const { writer, record, logged } = setUp(
    "https://a.example/heads",
    (_, { body }) => {
      sent.push(JSON.parse(body).seq);
      return new Promise<never>(() => {});
    },
    20,
  );
  writer.start();
  await expect.poll(() => sent).toEqual([1]);
  record.head = toHead(2);
  await writer.close();
  // The one under way is given up at once, so that the last one has all of its time.
  expect(sent).toEqual([1, 2]);
  const fields = { upstream: "audit_anchor", cause: "No answer within 20 ms", audit: toHead(2) };
  expect(logged).toEqual([
    ["audit head", { audit: toHead(1) }],
    ["audit head", { audit: toHead(2) }],
    [lastText, fields],
  ]);
  expect(writer.state()).toEqual({ entries: 2, failures: 1 });
  // What `audit verify --head LOG` reads.
  expect(parseAnchors(JSON.stringify(fields))).toEqual([{ seq: 2, hash: toHead(2).hash }]);
});

it("a record that hangs at the end: its last head read is in the log", async () => {
  const { writer, record, logged, look } = setUp("https://a.example/heads", async () => 503, 20);
  writer.start();
  await look();
  record.hangs = true;
  const from = record.reads;
  await expect.poll(() => record.reads).toBeGreaterThan(from);
  await writer.close();
  expect(logged.at(-1)).toEqual([
    lastText,
    { upstream: "audit_anchor", cause: "No answer within 20 ms", audit: toHead(1) },
  ]);
});

it("a URL is one whatever the case of its scheme", async () => {
  const sent: string[] = [];
  const { writer } = setUp("HTTPS://a.example/heads", async (url) => {
    sent.push(url.href);
    return 204;
  });
  writer.start();
  await expect.poll(() => sent).toEqual(["https://a.example/heads"]);
  await writer.close();
});

it("a line that an earlier process left cut does not spoil the next", async () => {
  const path = join(folder, "heads.jsonl");
  for (const [left, expected] of [
    [`${JSON.stringify(toHead(7))}\n{"seq":8,"ha`, [7, 1]],
    [JSON.stringify(toHead(7)), [7, 1]],
    [`${JSON.stringify(toHead(7))}\n`, [7, 1]],
    ["", [1]],
  ] as const) {
    writeFileSync(path, left);
    const { writer } = setUp(path);
    writer.start();
    await writer.close();
    const text = readFileSync(path, "utf8");
    expect(parseAnchors(text).map(({ seq }) => seq)).toEqual(expected);
    expect(text).not.toMatch(/^\n|\n\n/);
  }
});

it.each([
  ["without the newest entry that was anchored", [3, 9, 4], 1, true],
  ["without any entry", [1], 0, true],
  ["with another entry in its place", [5], 5, true],
  ["with that entry", [1], 1, false],
  ["with later ones", [1, 2], 3, false],
  ["without an anchor", [], 0, false],
])("a record %s is logged at the start: %j", async (_, noted, seq, isLogged) => {
  const path = join(folder, "heads.jsonl");
  writeFileSync(path, noted.map((one) => `${JSON.stringify(toHead(one))}\n`).join(""));
  const { writer, record, logged, look } = setUp(path);
  const newest = Math.max(...noted);
  record.head = seq === 0 ? emptyHead : seq === 5 ? { ...toHead(5), hash: "f".repeat(64) } : toHead(seq);
  const { hash } = record.head;
  writer.start();
  await look();
  await writer.close();
  const text =
    "The audit record does not have the newest entry that was anchored: cooldowns and budgets may be forgotten. Is a rotated file missing? `audit verify --head` says more";
  const fields = {
    upstream: "audit_anchor",
    anchored: { seq: newest, hash: toHead(newest).hash },
    head: { seq, hash },
  };
  expect(logged.filter(([message]) => message !== "audit head")).toEqual(isLogged ? [[text, fields]] : []);
});

it("a head is posted over TLS, on a connection that is closed", async () => {
  const authority = createAuthority(folder);
  const { key, cert, ca } = authority.issue("127.0.0.1", "serverAuth");
  const got: unknown[] = [];
  let connections = 0;
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (asked, answer) => {
    const chunks: Buffer[] = [];
    asked.on("data", (chunk: Buffer) => void chunks.push(chunk));
    asked.on("end", () => {
      got.push([asked.method, asked.url, asked.headers.authorization, Buffer.concat(chunks).toString()]);
      answer.writeHead(got.length === 1 ? 307 : 204, { location: "https://other.example" }).end();
    });
  });
  server.on("connection", (socket) => {
    connections += 1;
    socket.once("close", () => (connections -= 1));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const trusted = getCACertificates("default");
  setDefaultCACertificates([...trusted, readFileSync(ca, "utf8")]);
  try {
    const { port } = server.address() as { port: number };
    const { writer, logged } = setUp(`https://u:p@127.0.0.1:${port}/heads?a=b`);
    writer.start();
    // Not when the head has come, but when the writer knows: before that it would send it once more
    // at its end.
    await expect.poll(() => logged.length).toBe(3);
    await writer.close();
    const one = ["POST", "/heads?a=b", `Basic ${btoa("u:p")}`, `${JSON.stringify(toHead(1))}\n`];
    expect(got).toEqual([one, one]);
    expect(logged.slice(1)).toEqual([
      ["The head of the audit record cannot be anchored", { upstream: "audit_anchor", cause: "HTTP 307" }],
      ["The head of the audit record is anchored again", { upstream: "audit_anchor" }],
    ]);
    await expect.poll(() => connections).toBe(0);
  } finally {
    setDefaultCACertificates(trusted);
    server.close();
  }
});
