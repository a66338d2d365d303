import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { createPaint, type Paint } from "../../../src/terminal/output/style.ts";
import { type Screen, toScreen } from "../../../src/terminal/top/layout.ts";
import { emptyData } from "../../../src/terminal/top/state.ts";
import {
  sampleData,
  sampleHostRow,
  sampleProblem,
  sampleQueueRow,
  sampleRow,
  sampleScreen,
} from "../../support/top.ts";

const plain: Paint = (_tone, text) => text;
const draw = (screen: Screen, columns = 80, rows = 24, paint = plain) => toScreen(screen, { columns, rows }, paint);

/** A text of every kind of trouble: escapes, line ends, bidi, wide and joined characters. */
const hostile = "\u001b[31mred\u0007\n\u202eevil 支付队列 👩‍👩‍👧 e\u0301 \u009b2J".repeat(4);

const busy = sampleData({
  problems: Array.from({ length: 9 }, (_, index) =>
    sampleProblem({
      id: `p${index}`,
      title: `problem ${index} of ${hostile}`,
      severity: index > 4 ? "WARNING" : "CRITICAL",
    }),
  ),
  gaps: [hostile, "hosts: Prometheus does not answer"],
  containers: Array.from({ length: 40 }, (_, index) =>
    sampleRow({ name: `c${index}`, role: `role ${index % 13} ${hostile}` }),
  ),
  queues: Array.from({ length: 30 }, (_, index) =>
    sampleQueueRow({ name: `queue ${index} ${hostile}`, source: hostile }),
  ),
  hosts: Array.from({ length: 12 }, (_, index) =>
    sampleHostRow({ name: `host ${index} ${hostile}`, instance: `i${index}` }),
  ),
});

describe("the screen", () => {
  it("80x24 has what is wrong, roles, queues and hosts", () => {
    const lines = draw(sampleScreen(sampleData({}, { trends: new Map([['depth ["river","payouts"]', [0, 4, 8]]]) })));
    expect(lines.map((line) => line.trimEnd())).toEqual([
      expect.stringMatching(/^ops\.example\.com {2}all environments {30,}\d\d:00:00 {2}live$/),
      "1 problem: 1 critical",
      "  PROBLEMS 1",
      "› critical  12 min  payouts is stalled  12 jobs wait; 0/s succeed",
      "",
      "  ROLES 1  WHERE       REPLICAS     RELEASE   CPU          MEMORY",
      "  web      staging  ●  1/1 running  v1       12 %            34 %",
      "",
      "  QUEUES 1  STATE  WAITING          OLDEST   RATE  FAILED 1 H  DRAIN  SOURCE",
      "  payouts   ok          12     ▁▅█    30 s  1.5/s           2    8 s  river",
      "",
      "  HOSTS 1  STATE   CPU            MEMORY            DISK",
      "  host-1   up     50 %  ████░░░░    25 %  ██░░░░░░  75 %  ██████░░",
      ...Array.from({ length: 10 }, () => ""),
      expect.stringContaining("? keys  q quit"),
    ]);
  });

  it("200x50 has whole titles and service groups", () => {
    const container = { name: "wallet-core-web-staging-v1", engine: "docker" };
    const problem = sampleProblem({ title: "wallet-core-web-staging-v1 restarts in a loop", role: "web", container });
    const text = (columns: number) => draw(sampleScreen(sampleData({ problems: [problem] })), columns, 50).join("\n");
    expect(text(200)).toMatch(/wallet-core-web-staging-v1 restarts in a loop[^]*wallet-core\/staging/);
    expect(text(80)).toMatch(/ {2}web restarts in a loop/);
  });

  it.each([
    [40, 10],
    [57, 13],
    [80, 24],
    [120, 40],
    [200, 50],
    [500, 120],
  ])("%ix%i is filled and never overflown by hostile texts", (columns, rows) => {
    for (const open of [null, "help", "detail"] as const) {
      for (const [section, id] of [
        ["problems", "p3"],
        ["queues", JSON.stringify([hostile, `queue 3 ${hostile}`])],
        ["roles", null],
        ["hosts", "i5"],
      ] as const) {
        const view = { open, section, id, filter: open === null ? "" : "evil", isTyping: section === "hosts" };
        for (const link of [busy.link, { state: "lost", sinceMs: 0, reason: hostile }] as const) {
          const lines = draw({ ...sampleScreen({ ...busy, link }, view), place: hostile }, columns, rows);
          expect(lines).toHaveLength(rows);
          expect(lines.filter((line) => stringWidth(line) > columns)).toEqual([]);
          expect(lines.join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        }
      }
    }
  });

  it("every section of a busy screen has a row, and says how many are cut", () => {
    for (const [columns, rows] of [
      [80, 24],
      [40, 12],
    ] as const) {
      const text = draw(sampleScreen(busy), columns, rows).join("\n");
      for (const heading of ["PROBLEMS 9", "ROLES 13", "QUEUES 30", "HOSTS 12"]) {
        expect(text).toMatch(new RegExp(`${heading}, \\+\\d+ more`));
      }
    }
    expect(draw(sampleScreen(busy), 200, 120).join("\n")).not.toContain(" more");
  });

  it("the selected row is on the screen, wherever it is", () => {
    for (const index of [0, 7, 29]) {
      const id = JSON.stringify([hostile, `queue ${index} ${hostile}`]);
      const marked = draw(sampleScreen(busy, { section: "queues", id })).filter((line) => line.startsWith("›"));
      expect(marked).toEqual([expect.stringMatching(new RegExp(`^› queue ${index} `))]);
    }
  });

  it("the row beside one that has gone is selected", () => {
    const hosts = [sampleHostRow({ name: "a", instance: "a" }), sampleHostRow({ name: "b", instance: "b" })];
    const lines = draw(sampleScreen(sampleData({ hosts }), { section: "hosts", id: "gone", index: 5 }));
    expect(lines.filter((line) => line.startsWith("›"))).toEqual([expect.stringMatching(/^› b /)]);
  });

  it.each([
    [39, 24],
    [80, 9],
    [12, 2],
    [1, 1],
  ])("%ix%i is too small, and says so", (columns, rows) => {
    const lines = draw(sampleScreen(), columns, rows);
    expect(lines).toHaveLength(rows);
    expect(lines.filter((line) => stringWidth(line) > columns)).toEqual([]);
    expect(lines[0]).toBe(
      `The terminal is ${columns}x${rows}:`.length <= columns ? `The terminal is ${columns}x${rows}:` : lines[0],
    );
    expect(lines[0]).toMatch(columns === 1 ? /^…$/ : /^The term/);
  });

  it("the first screen asks, and shows no numbers", () => {
    const lines = draw(sampleScreen(emptyData));
    expect(lines[0]).toMatch(/connecting…$/);
    expect(lines[1]).toBe("Reading problems…");
    expect(lines.filter((line) => line.trim() === "asking…")).toHaveLength(4);
    expect(lines.slice(1).join("")).not.toMatch(/\d/);
  });

  it("a quiet system is called quiet, with what could not be checked", () => {
    expect(draw(sampleScreen(sampleData({ problems: [] })))[1]).toBe("No known problems, for 1 h");
    expect(draw(sampleScreen(sampleData({ problems: [], gaps: ["hosts"] })))[1]).toBe(
      "No known problems, for 1 h, but 1 check failed",
    );
  });

  it("a lost connection is in the header, and old data is dim", () => {
    const marks: Paint = (tone, text) => (text.trim() === "" ? text : `<${tone}>${text}`);
    const lost = sampleData(
      {},
      { link: { state: "lost", sinceMs: Date.parse("2026-01-13T09:58:03Z"), reason: "refused" } },
    );
    const lines = draw(sampleScreen(lost), 120, 24, marks);
    expect(lines[0]).toMatch(/<bad>no connection since \d\d:58:03 \(refused\)$/);
    const body = lines.slice(1, -1).join("\n");
    expect(body).toContain("<muted>payouts is stalled");
    expect(new Set(body.match(/<\w+>/g))).toEqual(new Set(["<muted>"]));
    expect(draw(sampleScreen(), 120, 24, marks).join("\n")).toContain("<bad>critical");
  });

  it("a section that cannot be read says why, beside its last rows", () => {
    const { queues } = sampleData();
    const lines = draw(
      sampleScreen(sampleData({}, { queues: { ...queues, error: "no database (queues_unavailable)" } })),
    );
    const at = lines.findIndex((line) => line.includes("QUEUES 1"));
    expect(lines.slice(at + 1, at + 3).map((line) => line.slice(2, 11).trim())).toEqual(["no databa", "payouts"]);
  });

  it("queues of another environment are left out", () => {
    const source = (name: string, env: "STAGING" | "PRODUCTION") => ({
      name,
      kind: "TABLE" as never,
      env,
      ok: true,
      owner: null,
      error: null,
    });
    const queueSources = [source("river", "STAGING"), source("oban", "PRODUCTION")];
    const queues = [sampleQueueRow(), sampleQueueRow({ name: "mails", source: "oban" })];
    const shown = (env: "PRODUCTION" | null) =>
      draw(sampleScreen(sampleData({ queues }, { queueSources, env }))).join("\n");
    expect(shown(null)).toMatch(/QUEUES 2[^]*mails[^]*payouts/);
    expect(shown("PRODUCTION")).toMatch(/production[^]*QUEUES 1[^]*mails/);
  });

  it("queues in trouble are first", () => {
    const queues = (["IDLE", "BACKLOG", "STALLED", "OK", "FAILING"] as const).map((state) =>
      sampleQueueRow({ name: state, state }),
    );
    const names = draw(sampleScreen(sampleData({ queues }))).flatMap(
      (line) => /^ {2}([A-Z]{2,}) {2,}[a-z]/.exec(line)?.[1] ?? [],
    );
    expect(names).toEqual(["STALLED", "FAILING", "BACKLOG", "IDLE", "OK"]);
  });

  it("replicas that do not run, start or are ill look different", () => {
    const containers = [
      sampleRow({ name: "a" }),
      sampleRow({ name: "b", health: "UNHEALTHY", version: "v2" }),
      sampleRow({ name: "c", status: "exited" }),
    ];
    expect(draw(sampleScreen(sampleData({ containers })), 120).join("\n")).toContain(
      "●◐○  2/3 running, 1 unhealthy  v1, v2",
    );
  });

  it("a role says how many of its replicas restart in a loop", () => {
    const containers = ["a", "b", "c"].map((name) => sampleRow({ name, engine: "e" }));
    const problems = ["a", "c"].map((name) =>
      sampleProblem({ kind: "CONTAINER_RESTART_LOOP", severity: "CRITICAL", container: { name, engine: "e" } }),
    );
    const lines = draw(sampleScreen(sampleData({ containers, problems })), 120).join("\n");
    expect(lines).toContain("●●●  3/3 running, 2 restarts in a loop");
  });

  it("colours are of the paint alone", () => {
    const coloured = createPaint("always", {}, {});
    const lines = draw(sampleScreen(busy), 120, 40, coloured);
    expect(lines.join("")).toContain("\u001b[31m");
    const bare = (all: readonly string[]) => all.map((line) => stripVTControlCharacters(line).trimEnd());
    expect(bare(lines)).toEqual(bare(draw(sampleScreen(busy), 120, 40)));
  });
});

describe("details", () => {
  const detail = (data = sampleData(), view: Parameters<typeof sampleScreen>[1] = {}) =>
    draw(sampleScreen(data, { open: "detail", ...view }), 80, 40).join("\n");

  it("a problem has its rule, evidence and where to look", () => {
    const problem = sampleProblem({ queue: { name: "payouts", source: "river" } });
    const text = detail(sampleData({ problems: [problem] }), { id: "problem-1" });
    for (const part of [
      "12 jobs wait",
      "Jobs wait and none ends.",
      "OpsQueueStalled",
      "wallet-core-ops errors --queue payouts",
    ])
      expect(text).toContain(part);
  });

  it("a role has its containers", () => {
    const containers = [sampleRow({ name: "one", restarts: 7 }), sampleRow({ name: "two", status: "exited" })];
    const id = JSON.stringify(["web", "wallet-core", "staging", "STAGING"]);
    const text = detail(sampleData({ containers }), { section: "roles", id });
    expect(text).toMatch(/one +running +healthy +1 h +7 +12 % +34 % +docker/);
    expect(text).toMatch(/two +exited/);
  });

  it("a queue has its errors", () => {
    const id = '["river","payouts"]';
    const error = {
      fingerprint: "abc",
      error: "no such account",
      count: 3,
      complete: false,
      timestamp: "2026-01-13T09:59:00Z",
      jobId: "1",
    };
    const view = { section: "queues", id } as const;
    expect(detail(sampleData(), view)).toContain("asking…");
    const data = sampleData({}, { errors: { id, part: { value: [error], error: null } } });
    expect(detail(data, view)).toMatch(/≥3 times +no such account[^]*last 60 s ago; group abc/);
  });

  it("a thing that has gone is no longer listed", () => {
    expect(detail(sampleData(), { section: "hosts", id: "gone" })).toContain("It is no longer listed.");
  });
});
