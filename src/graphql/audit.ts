import type { AuditChain, AuditRecord } from "../audit/audit.ts";
import { isLimited, maySee } from "../auth/principal.ts";
import { resolveCursorConnection } from "@pothos/plugin-relay";
import { OpsError } from "../lib/errors.ts";
import { checkPage, parseCursor, toCursor, toPageCost } from "./args.ts";
import { type Builder, exposeAll } from "./builder.ts";
import { needs } from "./scopes.ts";

/** AuditRecord and AuditChain, and the queries that return them. */
export function addAudit(builder: Builder): void {
  const auditRecord = builder.objectRef<AuditRecord>("AuditRecord").implement({
    description: "One entry of the audit record: an intent or its outcome.",
    fields: (t) => ({
      ...exposeAll(t, {
        "seq: Int!":
          "Number of the entry in the file. The file holds all environments, so a token for some of them sees gaps.",
        "at: DateTime!": "When it was written.",
        "outcome: String!":
          "`intent`, `ok`, `failed` or `unknown`. Another outcome of the same intent may follow an `unknown`.",
        "action: String!":
          "What was done: `restart`, `probe` (a health check on demand), `job.retry`, " +
          "`job.discard`, `job.retry_group` or `job.discard_group`.",
        "intent: Int": "Of an outcome: the `seq` of its intent.",
        "requestId: String!": "The request's id, as in the `X-Request-Id` of the response.",
        "clientRequestId: String": "The `X-Request-Id` that the client sent, if it was short and plain.",
        "traceId: String": "The trace id of the request's `traceparent`.",
        "ip: String":
          "The client's address: of the connection or, behind a trusted proxy, the one that the proxy names.",
        "subject: String!": "Holder of the token.",
        "kid: String!": "Public id of the token.",
        "auth: String":
          "How the caller authenticated: `token`, `tokens_file` or `jwt`; null in entries of version 0.1.",
        "engine: String!":
          "Configured name of the engine. `engine`, `containerId`, " +
          "`containerName` and `image` are empty for actions on jobs.",
        "containerId: String!": "Full id of the container.",
        "containerName: String!": "The container's name at that time.",
        "image: String!": "The container's image.",
        "env: String": "Environment whose tokens see the entry; null when only tokens for every environment do.",
        "reason: String": "The reason given.",
        "detail: String": "Of an outcome: the state, or the error.",
        "code: String": "Of an outcome: the error code that was returned.",
        "dockerStatus: Int":
          "Of an outcome: the HTTP status of the engine's answer; null when it did not answer, or unknown.",
        "keyHash: String": "SHA-256 of the `Idempotency-Key`; null without one.",
        "durationMs: Int": "Of an outcome: milliseconds since the intent.",
        "hash: String!": "SHA-256 over the previous entry's hash and this entry.",
      }),
      agent: t.string({
        nullable: true,
        description:
          "The program that acted for the holder, such as the client of /mcp, by " +
          "the name it gives itself; null when it gives none.",
        resolve: ({ agent }) => agent ?? null,
      }),
      jobSource: t.string({
        nullable: true,
        description: "Of an action on jobs: configured name of their source.",
        resolve: ({ job }) => job?.source ?? null,
      }),
      jobQueue: t.string({
        nullable: true,
        description: "Of an action on jobs: their queue, if it was named.",
        resolve: ({ job }) => job?.queue ?? null,
      }),
      jobIds: t.stringList({
        description: "Of an action on jobs: their ids, at most 100.",
        resolve: ({ job }) => job?.ids ?? [],
      }),
      fingerprint: t.string({
        nullable: true,
        description:
          "Of `job.retry_group` and `job.discard_group`: fingerprint of the error that the jobs failed with.",
        resolve: ({ job }) => job?.fingerprint ?? null,
      }),
    }),
  });
  builder.queryField("auditLog", (t) =>
    t.connection(
      {
        type: auditRecord,
        nullable: true,
        extensions: needs("ops:operate"),
        complexity: toPageCost(50, size),
        description:
          "The audit record of the containers and jobs that the token may see, newest first. " +
          "Returns 20 entries, or 1 to 100 by `first` or `last`. `last` requires `before`. " +
          "Needs ops:operate. `auditChain` says whether it is unchanged.",
        resolve: (_root, args, { sources, principal }) => {
          checkPage(args, size);
          if (typeof args.last === "number" && !args.before) {
            throw new OpsError("invalid_request", "last requires before: the record is read newest first");
          }
          const [newest, oldest] = [toSeq("after", args.after), toSeq("before", args.before)];
          return resolveCursorConnection<Promise<readonly AuditRecord[]>>(
            { args, defaultSize: size.usual, maxSize: size.most, toCursor: ({ seq }) => toCursor(list, String(seq)) },
            async ({ limit, inverted }) => {
              const found = await sources.audit.read({
                first: inverted ? Infinity : limit,
                before: newest,
                accepts: ({ env, seq }) => (oldest === null || seq > oldest) && maySee(principal, env),
              });
              return inverted ? found.slice(-limit).toReversed() : found;
            },
          );
        },
      },
      { name: "AuditRecordConnection", description: "A page of the audit record." },
      { name: "AuditRecordEdge", description: "An entry of a page of the audit record." },
    ),
  );
  addAuditChain(builder);
}

/** AuditChain, and Query.auditChain. */
function addAuditChain(builder: Builder): void {
  const auditChain = builder.objectRef<AuditChain>("AuditChain").implement({
    description:
      "Whether the audit record is intact. Each entry holds the hash of the one before it, which " +
      "reveals a changed, deleted, moved or cut entry. Missing newest entries show only if this " +
      "gateway had seen them: compare with a head noted elsewhere (`audit verify --head`).",
    fields: (t) =>
      exposeAll(t, {
        "ok: Boolean":
          "Whether every entry follows the one before it; null until the first check has reached the newest one.",
        "firstSeq: Int":
          "The oldest entry: 1, or a later one when the files before it were removed. Null " +
          "without an entry, and for tokens that do not list every environment.",
        "lastSeq: Int": "The newest entry that was checked. Null as `firstSeq`.",
        "checkedAt: DateTime": "When the check last reached the newest entry or found the fault; null before that.",
        "problem: String":
          "The first fault, with its file and `seq`; null without one, and " +
          "for tokens that do not list every environment.",
      }),
  });
  builder.queryField("auditChain", (t) =>
    t.field({
      type: auditChain,
      nullable: true,
      extensions: needs("ops:operate"),
      complexity: 50,
      description:
        "Whether the audit record is unchanged. Checks what was appended since the previous check, and " +
        "all of it every 10 minutes; a long check continues in the background. Needs ops:operate.",
      resolve: async (_root, _args, { sources, principal }) => {
        const chain = await sources.audit.verify();
        // Entries cover all environments: a token for some of them must not learn how many there
        // are.
        return isLimited(principal) ? { ...chain, firstSeq: null, lastSeq: null, problem: null } : chain;
      },
    }),
  );
}

const list = "auditLog";
const size = { usual: 20, most: 100 };

/** The `seq` in a cursor; null without one. Throws invalid_request. */
function toSeq(argument: "after" | "before", cursor: string | null | undefined): number | null {
  if (!cursor) return null;
  const seq = Number(parseCursor(list, argument, cursor)[0]);
  if (Number.isInteger(seq)) return seq;
  throw new OpsError("invalid_request", `${argument} is not a cursor of ${list}`);
}
