import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { graphql } from "graphql";
import type { AuditRecord } from "../../src/audit/audit.ts";
import { verifyAudit } from "../../src/audit/file/verify.ts";
import type { Scope } from "../../src/auth/principal.ts";
import { parseConfig } from "../../src/config/config.ts";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import type { Environment } from "../../src/lib/environment.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createSources } from "../../src/sources.ts";
import { createCaller } from "./caller.ts";

const schema = createSchema();

interface OperatorOptions {
  readonly databaseUrl: string;
  readonly controlUrl: string;
  /** The content of WALLET_CORE_OPS_QUEUES_FILE; null detects sources. */
  readonly queues?: readonly object[] | null;
}

interface Answer {
  readonly data: any;
  /** Code and message of the first error. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/**
 * The sources of a gateway with JOBS=on over real databases, with a user's configuration, and a
 * caller.
 */
export function openOperator({ databaseUrl, controlUrl, queues = null }: OperatorOptions) {
  const folder = mkdtempSync(join(tmpdir(), "ops-jobs-"));
  const auditFile = join(folder, "audit.jsonl");
  const queuesFile = join(folder, "queues.json");
  if (queues) writeFileSync(queuesFile, JSON.stringify({ sources: queues, detect: false }));
  const env = {
    WALLET_CORE_OPS_TOKEN: "operator-token-0123456789",
    WALLET_CORE_OPS_ENV: "staging",
    WALLET_CORE_OPS_DATABASE_URL: databaseUrl,
    WALLET_CORE_OPS_JOBS: "on",
    WALLET_CORE_OPS_CONTROL_DATABASE_URL: controlUrl,
    WALLET_CORE_OPS_AUDIT_FILE: auditFile,
    WALLET_CORE_OPS_DOCKER_HOSTS: "unix:///nowhere/docker.sock",
    ...(queues && { WALLET_CORE_OPS_QUEUES_FILE: queuesFile }),
  };
  const calls: [upstream: string, code: string | null][] = [];
  const sources = createSources(
    parseConfig(env, (path) => readFileSync(path, "utf8")),
    silentLogger,
    (upstream, _seconds, code) => calls.push([upstream, code]),
  );
  const ask = async (
    document: string,
    rights: { scopes?: readonly Scope[]; where?: readonly Environment[] } = {},
  ): Promise<Answer> => {
    const contextValue = createContext(sources, createCaller(rights.scopes, rights.where));
    const { data, errors } = await graphql({ schema, source: document, contextValue });
    const error = errors?.[0]?.originalError as { code?: string; message: string } | undefined;
    return { data, error: errors ? { code: error?.code ?? "?", message: errors[0]?.message ?? "" } : null };
  };
  const change = async (field: "retryJob" | "discardJob", source: string, jobId: string, more = "") => {
    const args = `source: ${JSON.stringify(source)}, jobId: ${JSON.stringify(jobId)}, reason: "test"${more}`;
    const { data, error } = await ask(`mutation { ${field}(${args}) { source queue jobId state } }`);
    return { done: data?.[field] ?? null, error };
  };
  const changeGroup = async (
    field: "retryErrorGroup" | "discardErrorGroup",
    source: string,
    queue: string,
    fingerprint: string,
    limit = 100,
    more = "",
  ): Promise<Answer> => {
    const args = `source: "${source}", queue: "${queue}", fingerprint: "${fingerprint}", limit: ${limit}, reason: "test"${more}`;
    const fields = "count jobIds left skipped { jobId code message } error { code message }";
    const { data, error } = await ask(`mutation { ${field}(${args}) { ${fields} } }`);
    return { data: data?.[field] ?? null, error };
  };
  return {
    sources,
    /** As reported for the metrics. */
    calls,
    auditFile,
    controlUrl,
    ask,
    retry: (source: string, jobId: string, more = "") => change("retryJob", source, jobId, more),
    discard: (source: string, jobId: string, more = "") => change("discardJob", source, jobId, more),
    retryGroup: (source: string, queue: string, fingerprint: string, limit?: number, more?: string) =>
      changeGroup("retryErrorGroup", source, queue, fingerprint, limit, more),
    discardGroup: (source: string, queue: string, fingerprint: string, limit?: number, more?: string) =>
      changeGroup("discardErrorGroup", source, queue, fingerprint, limit, more),
    /** Oldest first. */
    record: async (): Promise<readonly AuditRecord[]> =>
      (await sources.audit.read({ first: 1000, before: null, accepts: () => true })).toReversed(),
    verify: () => verifyAudit(auditFile, { partial: false }),
    async close() {
      await sources.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export type Operator = ReturnType<typeof openOperator>;
