import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseQueuesFile } from "../../src/queues/config.ts";
import { createQueueSource, queueKinds } from "../../src/queues/registry.ts";
import { runnerMapping, toQueueMapping } from "../support/queue-mappings.ts";

const runner = {
  ...runnerMapping,
  worker: { column: "locked_by", form: "host:{host} pid:{n}" },
  started_at: "locked_at",
};
const payouts = toQueueMapping("payouts");
const river = { name: "river", kind: "river", schema: "public", by: "kind" };

function issues(file: unknown): readonly string[] {
  const result = parseQueuesFile(JSON.stringify(file));
  return result.ok ? [] : result.issues;
}

describe("parseQueuesFile", () => {
  it("accepts the documented example", () => {
    const sources = [runner, payouts, river];
    expect(parseQueuesFile(JSON.stringify({ sources }))).toStrictEqual({ ok: true, detect: true, hide: [], sources });
  });

  it("accepts the optional parts, and no source at all", () => {
    const full = { ...runner, env: "staging", queue: { column: "type", names: ["a"] }, table: '"a.b"."c""d"' };
    const numbered = { ...payouts, waiting: [0, -1], done: [1], failed: [2] };
    expect(issues({ sources: [full, numbered, { ...river, env: "production", names: ["b"] }] })).toStrictEqual([]);
    expect(issues({ sources: [] })).toStrictEqual([]);
  });

  it.each([
    [{ column: "locked_by", form: "pid:{n}" }, "sources[0].worker.form: must have {host} once"],
    [{ column: "locked_by", form: "{host} {host}" }, "sources[0].worker.form: must have {host} once"],
    [
      { column: "locked_by", form: "{host}{n}" },
      "sources[0].worker.form: must have a character between {host} and {n}",
    ],
    [
      { column: "locked_by", form: "{host} {pid}" },
      "sources[0].worker.form: knows no other places than {host} and {n}",
    ],
    [{ form: "{host}" }, "sources[0].worker.column: Invalid input: expected string, received undefined"],
  ])("refuses a worker of %o", (worker, issue) => {
    expect(issues({ sources: [{ ...runner, worker }] })).toStrictEqual([issue]);
  });

  it.each<[object, unknown]>([
    [{ service: "shop" }, { service: "shop", destination: undefined }],
    [
      { service: "shop", destination: "beta" },
      { service: "shop", destination: "beta" },
    ],
    [
      { service: "shop", destination: "" },
      { service: "shop", destination: null },
    ],
    [{}, undefined],
  ])("makes a source of each kind with an owner from %j", (owner, expected) => {
    const context = { databaseUrl: null, env: null } as never;
    const source = createQueueSource({ ...river, ...owner } as never, context);
    expect(source.owner).toEqual(expected);
  });

  it.each([
    [{ service: "" }, ["sources[0].service: must be a name as Kamal's configuration has it"]],
    [{ service: "a b" }, ["sources[0].service: must be a name as Kamal's configuration has it"]],
    [{ service: "shop\n" }, ["sources[0].service: must be a name as Kamal's configuration has it"]],
    [{ service: 7 }, ["sources[0].service: Invalid input: expected string, received number"]],
    [{ destination: "beta" }, ['sources[0].destination: needs "service" beside it']],
    [{ destination: "" }, ['sources[0].destination: needs "service" beside it']],
    [{ services: "shop" }, ['sources[0]: Unrecognized key: "services"']],
  ])("refuses an owner of %j", (owner, expected) => {
    expect(issues({ sources: [{ ...river, ...owner }] })).toStrictEqual(expected);
    expect(issues({ sources: [{ ...runner, ...owner }] })).toStrictEqual(expected);
  });

  it("refuses a worker without a definition of running jobs", () => {
    const { active: _, ...silent } = runner;
    expect(issues({ sources: [silent] })).toStrictEqual([
      'sources[0].worker: needs "active": the statuses of running jobs',
    ]);
  });

  describe("control", () => {
    const control = {
      retry: { status: "pending", reset: ["last_error"], attempts: 0 },
      discard: { status: "dropped" },
    };
    it.each([
      [{}],
      [{ attempts: "tries", control }],
      [{ retrying: ["again"], control: { retry: { status: "again" } } }],
      [{ control: { discard: { status: "failed" } } }],
    ])("accepts %o", (more) => {
      expect(issues({ sources: [{ ...runner, ...more }] })).toStrictEqual([]);
    });

    it.each([
      [{ retry: { status: "done" } }, 'retry.status: must be one of "waiting" or "retrying"'],
      [{ retry: { status: "pending", attempts: 0 } }, 'retry.attempts: needs "attempts": their column'],
      [{ retry: { status: "pending", reset: ["status"] } }, "retry.reset: has a column that is set otherwise"],
      [{ retry: { status: "pending", reset: ["run_at"] } }, "retry.reset: has a column that is set otherwise"],
      [
        { discard: { status: "running" } },
        'discard.status: must be none of "waiting", "retrying", "active" and "done"',
      ],
    ])("refuses %o", (given, issue) => {
      expect(issues({ sources: [{ ...runner, control: given }] })).toStrictEqual([`sources[0].control.${issue}`]);
    });
  });

  it.each([
    [{ where: "tenant = 1" }],
    [{ time_zone: "UTC" }],
    [{ time_zone: "America/Argentina/Buenos_Aires" }],
    [{ epoch: "seconds" }],
    [{ error: { column: "errors", path: "-1.message" } }],
    [{ waiting: [0], active: ["1"], done: [2], failed: ["3"], dead: [3], control: { retry: { status: "0" } } }],
  ])("accepts a table of another form: %o", (more) => {
    expect(issues({ sources: [{ ...runner, ...more }] })).toStrictEqual([]);
  });

  it.each([
    [{ where: "" }, "where: must not be empty"],
    [{ where: "true); drop table x; --" }, "where: has a parenthesis that was not opened"],
    [{ where: "true; delete from x" }, "where: must be one condition, without a semicolon"],
    ...["CET", "+02", "Berlin", "Europe/Nowhere", "Europe/Berlin'", "", "EST5EDT"].map((zone): [object, string] => [
      { time_zone: zone },
      `time_zone: must ${zone === "" ? "not be empty" : "be UTC, or an IANA name such as Europe/Berlin"}`,
    ]),
    [{ epoch: "ms" }, 'epoch: Invalid option: expected one of "seconds"|"milliseconds"|"microseconds"'],
    [{ error: "" }, "error: must not be empty"],
    [
      { error: { column: "errors", path: "a..b" } },
      'error.path: must be keys and positions with dots between, such as "0.message"',
    ],
    [{ error: { column: "errors" } }, 'error: must be a column, or {"column": ..., "path": ...}'],
    [{ waiting: [0], done: ["0"] }, 'done: has "0", which waiting has too'],
  ])("refuses a table of another form: %o", (more, issue) => {
    expect(issues({ sources: [{ ...runner, ...more }] })).toContain(`sources[0].${issue}`);
  });

  it("lists every mistake at once, each with its path", () => {
    const { finished_at: _, ...incomplete } = {
      ...runner,
      waiting: [],
      table: "a.b.c",
      statu: "x",
      env: "prod",
      id: "x".repeat(64),
    };
    const file = {
      sources: [
        incomplete,
        { ...payouts, done: ["paid", 1.5, "queued"], queue: {}, name: "bad name", failed: ["paid"] },
        { ...river, name: "runner", by: "type" },
        { name: "sidekiq", kind: "sidekiq" },
        null,
      ],
      source: [],
    };
    expect(issues(file).toSorted()).toStrictEqual(
      [
        "sources[0].table: must be table or schema.table (in double quotes where a part holds a dot)",
        'sources[0].env: Invalid option: expected one of "staging"|"production"',
        "sources[0].id: must be at most 63 bytes long",
        "sources[0].waiting: must not be empty",
        "sources[0].finished_at: Invalid input: expected string, received undefined",
        'sources[0]: Unrecognized key: "statu"',
        "sources[1].name: must be 1 to 64 letters, digits, '.', ':', '_' or '-', and start with a letter or digit",
        'sources[1].queue: must be {"name": ...}, or {"column": ...} with an optional list of known "names"',
        "sources[1].done[1]: must be a text or an integer",
        'sources[1].done: has "queued", which waiting has too',
        'sources[1].failed: has "paid", which done has too',
        'sources[2].by: Invalid option: expected one of "queue"|"kind"',
        "sources[2].name: is also the name of sources[0]",
        `sources[3].kind: Invalid discriminator value. Expected ${queueKinds.map(({ kind }) => `'${kind}'`).join(" | ")}`,
        "sources[4]: Invalid input: expected object, received null",
        'the file: Unrecognized key: "source"',
      ].toSorted(),
    );
  });

  it("reports what is not JSON, or not an object", () => {
    expect(parseQueuesFile('{"a":\n"b\n"}')).toEqual({ ok: false, issues: ["is not JSON (line 2 column 3)"] });
    expect(parseQueuesFile('{"password": canary}')).toEqual({ ok: false, issues: ["is not JSON"] });
    for (const value of [null, 1, [], "x", {}, { sources: {} }]) expect(issues(value)).toHaveLength(1);
  });

  it("requires each field except the optional ones", () => {
    const { worker: _, ...plain } = runner;
    const without = (key: string) => issues({ sources: [{ ...plain, [key]: undefined }] });
    const optional = Object.keys(plain).filter((key) => without(key).length === 0);
    expect(optional).toStrictEqual(["active", "run_at", "error", "started_at"]);
    for (const key of Object.keys(plain).filter((other) => !optional.includes(other))) {
      expect(without(key)).toStrictEqual([expect.stringContaining(`sources[0].${key}: `)]);
    }
  });

  it("refuses text that PostgreSQL cannot hold", () => {
    const bad = ["\0", "a\0b", "\ud800", ""];
    const files = bad.flatMap((text) => [
      { ...runner, status: text },
      { ...payouts, done: [text] },
      { ...river, schema: text },
    ]);
    expect(files.map((source) => issues({ sources: [source] }).length)).toStrictEqual(files.map(() => 1));
  });

  it("never throws, and accepts no unknown key", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ minLength: 1 }), (value, key) => {
        expect(() => parseQueuesFile(JSON.stringify(value))).not.toThrow();
        fc.pre(!Object.hasOwn(runner, key) && key !== "env");
        const source = JSON.stringify(runner).replace("{", () => `{${JSON.stringify(key)}:${JSON.stringify(value)},`);
        expect(parseQueuesFile(`{"sources":[${source}]}`).ok).toBe(false);
      }),
    );
  });
});
