import type { Row } from "../../../src/lib/postgres/pool.ts";
import { describe, expect, it } from "vitest";
import { OpsError } from "../../../src/lib/errors.ts";
import { bigintId, uuidId } from "../../../src/queues/jobs/control.ts";
import { AnswerLost } from "../../../src/queues/jobs/database.ts";
import { createSqlControl, explainConstraint, toControlError } from "../../../src/queues/jobs/sql-control.ts";
import { findKind, type QueueSourceConfig } from "../../../src/queues/registry.ts";
import { runnerMapping } from "../../support/queue-mappings.ts";

type Answer = readonly (readonly Row[])[] | Error;
const pgError = (code: string, message = "secret") => Object.assign(new Error(message), { code });

/** A control whose runs have these answers, one after the other, and what was run. */
function createControl(
  answers: readonly Answer[] = [],
  id: typeof bigintId | null = null,
  can: readonly string[] = ["retry", "discard"],
) {
  const ran: (readonly string[])[] = [];
  const left = [...answers];
  const control = createSqlControl({
    source: "s",
    table: { schema: null, table: "t" },
    id,
    change: (action, { jobId }, onlyFailed) => (can.includes(action) ? `${action} ${jobId} ${onlyFailed}` : null),
    look: ({ jobId }) => `look ${jobId}`,
    database: {
      run: async (statements) => {
        ran.push(statements);
        const answer = left.shift() ?? [];
        if (answer instanceof Error) throw answer;
        return answer;
      },
      close: async () => {},
    },
  });
  return { control, ran };
}

const job = { jobId: "7", queue: "q" };
const refusal = (message: string) =>
  expect.objectContaining({ code: "invalid_request", message, upstream: "queues:s" }) as unknown;

/** The message of an invalid_request of this source; null where it is none. */
async function refusalOf(ask: () => unknown): Promise<string | null> {
  try {
    await ask();
    return null;
  } catch (error) {
    if (!(error instanceof OpsError && error.code === "invalid_request" && error.upstream === "queues:s")) throw error;
    return error.message;
  }
}

describe("change", () => {
  const row = { queue: "q", state: "waiting" };
  const several = "several queues have a job of this id: name one";
  it.each<[string, Answer, object]>([
    ["changed", [[row], []], { queue: "q", changed: true, state: "waiting", reason: null }],
    ["seen as it is", [[], [row]], { queue: "q", changed: false, state: "waiting", reason: null }],
    ["not there", [[], []], { queue: null, changed: false, state: null, reason: null }],
    ["not there, and nothing is said", [], { queue: null, changed: false, state: null, reason: null }],
    ["one of several", [[], [row, row]], { queue: null, changed: false, state: "waiting", reason: several }],
    [
      "of no known queue",
      [[{ queue: null, state: null }], []],
      { queue: null, changed: true, state: null, reason: null },
    ],
  ])("returns the job that was %s", async (_what, answer, expected) => {
    const { control, ran } = createControl([answer]);
    expect(await control.change("discard", job, true)).toEqual({ jobId: "7", ...expected });
    expect(ran).toEqual([["discard 7 true", "look 7"]]);
  });

  it("reads the row and the reason after a refusal by the database", async () => {
    const { control, ran } = createControl([pgError("23505"), [[row]]]);
    expect(await control.change("retry", job, false)).toEqual({
      ...job,
      changed: false,
      state: "waiting",
      reason: "another job with its unique key waits or runs",
    });
    expect(ran).toEqual([["retry 7 false", "look 7"], ["look 7"]]);
    await expect(
      createControl([pgError("P0001"), pgError("57014")]).control.change("retry", job, false),
    ).rejects.toEqual(
      expect.objectContaining({
        code: "postgres_unavailable",
        message: "PostgreSQL took longer than 5 s: nothing was changed",
      }),
    );
  });

  it("fails with the errors of the port", async () => {
    await expect(createControl([pgError("55P03")]).control.change("retry", job, false)).rejects.toEqual(
      expect.objectContaining({ code: "queue_locked", upstream: "queues:s" }),
    );
  });

  it.each(["22P02", "22003"])("refuses the id that %s quotes, and no other text that it quotes", async (code) => {
    const { control } = createControl([pgError(code, 'invalid input: "7"'), pgError(code, 'invalid input: "77"')]);
    const other = refusal("jobId is not of the type that the ids of this source have");
    await expect(control.change("retry", job, false)).rejects.toEqual(other);
    await expect(control.change("retry", job, false)).rejects.toEqual(
      expect.objectContaining({ code: "schema_mismatch" }),
    );
    await expect(createControl([pgError("42703", '"7"')]).control.look(job)).rejects.toEqual(
      expect.objectContaining({ code: "schema_mismatch" }),
    );
    await expect(createControl([pgError(code, '"7"')]).control.look(job)).rejects.toEqual(other);
  });
});

describe("look", () => {
  it.each<[Answer, string | null]>([
    [[[{ queue: "q", state: "failed" }]], "failed"],
    [[[]], null],
    [[], null],
  ])("returns the state of %j: %j", async (answer, state) => {
    const { control, ran } = createControl([answer]);
    expect(await control.look(job)).toBe(state);
    expect(ran).toEqual([["look 7"]]);
  });
});

describe("check", () => {
  it("accepts what may be done, and runs nothing", () => {
    const { control, ran } = createControl([], null, ["retry"]);
    expect(control.check("retry", job)).toBeUndefined();
    expect(() => control.check("discard", job)).toThrow(
      expect.objectContaining({
        code: "operation_not_supported",
        message: 'The mapping of s in WALLET_CORE_OPS_QUEUES_FILE does not define this operation: add it to "control"',
        upstream: "queues:s",
      }),
    );
    expect(ran).toEqual([]);
  });

  const longest = "x".repeat(200);
  const number = "jobId must be a whole number in this source";
  const uuid = "jobId must be a UUID in this source";
  const any = "jobId must be 1 to 200 characters in this source";
  it.each([
    [null, longest, null],
    [null, "é 7", null],
    [null, `${longest}x`, any],
    [null, "", any],
    [null, "a\0", any],
    [null, "a\n", null],
    [null, "\ud800", any],
    [bigintId, "0", null],
    [bigintId, "9".repeat(19), null],
    [bigintId, "9".repeat(20), number],
    [bigintId, "-1", number],
    [bigintId, "1a", number],
    [bigintId, "a1", number],
    [uuidId, "00000000-0000-0000-0000-00000000000A", null],
    [uuidId, "00000000-0000-0000-0000-00000000000", uuid],
    [uuidId, "x00000000-0000-0000-0000-000000000000", uuid],
    [uuidId, "00000000-0000-0000-0000-0000000000000", uuid],
    [uuidId, "000000000000-0000-0000-000000000000", uuid],
    [uuidId, "7", uuid],
  ])("of the ids %j accepts %j, or says: %j", async (id, jobId, message) => {
    const { control, ran } = createControl([], id);
    const ref = { jobId, queue: null };
    const asked = [
      () => control.check("retry", ref),
      () => control.look(ref),
      () => control.change("retry", ref, false),
    ];
    const refusals = await Promise.all(asked.map(refusalOf));
    expect(refusals).toEqual(asked.map(() => message));
    expect(ran).toHaveLength(message === null ? 2 : 0);
  });

  it.each([
    ["q".repeat(500), true],
    ["a b\n", true],
    ["q".repeat(501), false],
    ["", false],
    ["\0", false],
    ["\udc00", false],
  ])("accepts the queue %j: %s", async (queue, isTaken) => {
    const message = await refusalOf(() => createControl().control.check("retry", { jobId: "7", queue }));
    expect(message).toBe(isTaken ? null : "queue must have 1 to 500 characters");
  });
});

describe("verify", () => {
  const probes = (id: string) => [
    `explain retry ${id} false`,
    `explain retry ${id} true`,
    `explain discard ${id} false`,
    `look ${id}`,
  ];
  const nil = "00000000-0000-0000-0000-000000000000";

  it("explains each statement that may run, without running it", async () => {
    const { control, ran } = createControl();
    await control.verify();
    expect(ran).toEqual([probes("0")]);
    const uuids = createControl([], uuidId);
    await uuids.control.verify();
    expect(uuids.ran).toEqual([probes(nil)]);
    const some = createControl([], bigintId, ["discard"]);
    await some.control.verify();
    expect(some.ran).toEqual([["explain discard 0 false", "look 0"]]);
  });

  it("has nothing to explain if nothing may be done", async () => {
    const { control, ran } = createControl([], null, []);
    await control.verify();
    expect(ran).toEqual([[]]);
  });

  it("tries a UUID if the ids of a mapping are no numbers", async () => {
    const { control, ran } = createControl([pgError("22P02", 'invalid input syntax for type uuid: "0"')]);
    await control.verify();
    expect(ran).toEqual([probes("0"), probes(nil)]);
    const twice = createControl([pgError("22P02", '"0"'), pgError("42501")]);
    const rights = "The role of WALLET_CORE_OPS_CONTROL_DATABASE_URL may not change table t";
    await expect(twice.control.verify()).rejects.toEqual(
      expect.objectContaining({ code: "schema_mismatch", message: rights }),
    );
  });

  it("fails as a change would", async () => {
    const { control, ran } = createControl([pgError("42P01")]);
    await expect(control.verify()).rejects.toEqual(
      expect.objectContaining({
        code: "schema_mismatch",
        message: "Table t does not exist for WALLET_CORE_OPS_CONTROL_DATABASE_URL",
        upstream: "queues:s",
      }),
    );
    expect(ran).toHaveLength(1);
  });
});

describe("toControlError", () => {
  const other = (code: string) => `A column of table t is missing or of another type than expected (SQLSTATE ${code})`;
  it.each([
    ["55P03", "queue_locked", "Table t or the job in it is locked, by a migration or a worker: nothing was changed"],
    ["42501", "schema_mismatch", "The role of WALLET_CORE_OPS_CONTROL_DATABASE_URL may not change table t"],
    [
      "22012",
      "schema_mismatch",
      "Row-level security hides the jobs of t: the role of WALLET_CORE_OPS_CONTROL_DATABASE_URL must own them, or have BYPASSRLS",
    ],
    ["42P01", "schema_mismatch", "Table t does not exist for WALLET_CORE_OPS_CONTROL_DATABASE_URL"],
    ["3F000", "schema_mismatch", "Table t does not exist for WALLET_CORE_OPS_CONTROL_DATABASE_URL"],
    ["42883", "schema_mismatch", "Functions of the job system in the schema of t are missing, or of another version"],
    ["42703", "schema_mismatch", other("42703")],
    ["22007", "schema_mismatch", other("22007")],
    ["0A000", "schema_mismatch", other("0A000")],
    ["57014", "postgres_unavailable", "PostgreSQL took longer than 5 s: nothing was changed"],
    ["25006", "postgres_unavailable", "The database of WALLET_CORE_OPS_CONTROL_DATABASE_URL only lets us read"],
    ["ERR_INVALID_URL", "postgres_unavailable", "WALLET_CORE_OPS_CONTROL_DATABASE_URL is not a connection string"],
    [
      "53300",
      "postgres_unavailable",
      "PostgreSQL has no connection left for the role of WALLET_CORE_OPS_CONTROL_DATABASE_URL",
    ],
    ["3D000", "postgres_unavailable", "The database of WALLET_CORE_OPS_CONTROL_DATABASE_URL does not exist"],
    ["28P01", "postgres_unavailable", "PostgreSQL refused the login of WALLET_CORE_OPS_CONTROL_DATABASE_URL"],
    [
      "XX042",
      "postgres_unavailable",
      "PostgreSQL is not available (SQLSTATE XX042): see its log, or check WALLET_CORE_OPS_CONTROL_DATABASE_URL",
    ],
    [
      "57P28",
      "postgres_unavailable",
      "PostgreSQL is not available (SQLSTATE 57P28): see its log, or check WALLET_CORE_OPS_CONTROL_DATABASE_URL",
    ],
    [
      "ECONNREFUSED",
      "postgres_unavailable",
      "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_CONTROL_DATABASE_URL",
    ],
  ])("%s is %s", (code, expected, message) => {
    const error = pgError(code);
    expect(toControlError(error, { source: "s", table: "t" })).toMatchObject({
      code: expected,
      message,
      upstream: "queues:s",
      // Its error holds the URL, and so the password.
      cause: code === "ERR_INVALID_URL" ? undefined : error,
    });
  });

  it.each([
    [
      "ConnectionsBusyError",
      "",
      "The connection of WALLET_CORE_OPS_CONTROL_DATABASE_URL is busy with other changes: nothing was changed",
    ],
    ["TimeoutError", "", "PostgreSQL did not answer in time: nothing was changed"],
    ["Error", "timeout exceeded when trying to connect", "PostgreSQL did not answer in time: nothing was changed"],
    ["Error", "no timeout exceeded", "PostgreSQL cannot be reached: check WALLET_CORE_OPS_CONTROL_DATABASE_URL"],
  ])("%s %s is postgres_unavailable", (name, text, message) => {
    const error = Object.assign(new Error(text), { name });
    expect(toControlError(error, { source: "s", table: "t" })).toMatchObject({ code: "postgres_unavailable", message });
  });

  it("a change with a lost answer is job_unknown; an OpsError stays", () => {
    const cause = pgError("55P03");
    const lost = new AnswerLost(cause);
    expect(lost).toMatchObject({ name: "AnswerLost", message: "The connection was lost during the change", cause });
    expect(toControlError(lost, { source: "s", table: "t" })).toMatchObject({
      code: "job_unknown",
      message: "PostgreSQL did not answer: it is not known whether the job was changed",
      upstream: "queues:s",
      cause: lost,
    });
    const known = new OpsError("queue_locked", "x");
    expect(toControlError(known, { source: "s", table: "t" })).toBe(known);
  });
});

describe("explainConstraint", () => {
  it.each([
    ["23505", "another job with its unique key waits or runs"],
    ["23503", "the database refused it (SQLSTATE 23503)"],
    ["P0001", "the database refused it (SQLSTATE P0001)"],
    ["42P01", null],
    ["57P23", null],
    ["", null],
  ])("explains the SQLSTATE %s as %j", (code, reason) => expect(explainConstraint(pgError(code))).toBe(reason));
});

describe("the control of a kind", () => {
  const database = { run: async () => Promise.reject(pgError("42P01")), close: async () => {} };
  const control = (config: object) => {
    const { name } = config as QueueSourceConfig;
    const statements = findKind(config as QueueSourceConfig).control?.(config as never);
    return statements ? createSqlControl({ source: name, database, ...statements }) : null;
  };

  it.each([
    [{ kind: "river", name: "r", schema: "a", by: "queue" }, "7", "a.river_job"],
    [{ kind: "pgboss", name: "p", schema: "b" }, "00000000-0000-0000-0000-000000000007", "b.job"],
    [{ kind: "graphile-worker", name: "g", schema: "c" }, "7", "c._private_jobs"],
    [{ ...runnerMapping, control: { discard: { status: "dropped" } } }, "any", "public.runner_jobs"],
  ])("exists for %j, whose ids are such as %s", async (config, jobId, table) => {
    const found = control(config);
    await expect(found?.look({ jobId, queue: null })).rejects.toMatchObject({
      message: `Table ${table} does not exist for WALLET_CORE_OPS_CONTROL_DATABASE_URL`,
      upstream: `queues:${config.name}`,
    });
    expect(() => found?.check("discard", { jobId, queue: null })).not.toThrow();
    const isStrict =
      (await found?.look({ jobId: "any", queue: null }).catch(({ code }: OpsError) => code)) === "invalid_request";
    expect(isStrict).toBe(config.kind !== "table");
  });

  it("says how a mapping gets a missing operation", () => {
    expect(() => control(runnerMapping)?.check("retry", { jobId: "7", queue: null })).toThrow(
      expect.objectContaining({
        code: "operation_not_supported",
        message:
          'The mapping of runner in WALLET_CORE_OPS_QUEUES_FILE does not define this operation: add it to "control"',
      }),
    );
  });

  it.each(["oban", "solid-queue", "good-job", "que", "pgmq", "rabbitmq", "redis"])(
    "does not exist for %s, which is only watched",
    (kind) => {
      expect(control({ kind, name: kind, schema: "a" })).toBeNull();
    },
  );
});
