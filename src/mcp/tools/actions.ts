import * as z from "zod";
import { RestartDocument, RetryGroupDocument } from "../../generated/mcp.ts";
import { defineTool, need } from "../tool.ts";
import { toShort } from "./containers.ts";
import { accessories, engine, fingerprint, limit, name } from "./args.ts";

const why = {
  reason: z.string().min(1).max(200).describe("For the audit record"),
  idempotency_key: z
    .string()
    .regex(/^[\x21-\x7e]{8,255}$/, "must be 8 to 255 printable characters without spaces")
    .describe("New for each intent, the same to retry"),
};

export const restart = defineTool({
  name: "restart",
  description: "Restarts a container and waits for its health. First preview_restart, and the consent of a person.",
  args: { name, engine, accessories, ...why },
  list: "",
  row: {},
  facts: {
    name: "string",
    restarted: "boolean",
    status: "string",
    health: "string",
    healthy: "boolean",
    started: "string",
  },
  narrow: "nothing",
  isAction: true,
  documents: [RestartDocument],
  async run({ idempotency_key: idempotencyKey, accessories: includeAccessories = false, ...args }, ask) {
    const { data, errors } = await ask(RestartDocument, { ...args, includeAccessories, idempotencyKey });
    return { facts: toShort(need(data.restartContainer, errors)), rows: [], errors };
  },
});

/**
 * So few that they fit whatever they are: an action that was done must not end as answer_too_large.
 * The audit record has all.
 */
const idsShown = 20;

export const retryGroup = defineTool({
  name: "retry_group",
  description: "Retries the failed jobs of one error in one queue. First the consent of a person.",
  args: { source: name, queue: name, fingerprint, limit: limit(10, 100), ...why },
  list: "skipped",
  row: { job_id: "string", code: "string", message: "string" },
  facts: { source: "string", queue: "string", retried: "integer", left: "integer", jobs: "string[]", error: "object" },
  narrow: "limit",
  isAction: true,
  documents: [RetryGroupDocument],
  async run({ idempotency_key: idempotencyKey, ...args }, ask) {
    const { data, errors } = await ask(RetryGroupDocument, { ...args, idempotencyKey });
    const { count: retried, jobIds, skipped, ...done } = need(data.retryErrorGroup, errors);
    return {
      facts: { ...done, retried, jobs: jobIds?.slice(0, idsShown) },
      rows: (skipped ?? []).map(({ jobId, ...one }) => ({ job_id: jobId, ...one })),
      errors,
    };
  },
});
