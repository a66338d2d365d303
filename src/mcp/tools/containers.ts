import * as z from "zod";
import { toKey } from "../../facts/container.ts";
import { createContainerOrder, isOfOneContainer, toTroubles } from "../../facts/trouble.ts";
import { ContainersDocument, PreviewRestartDocument } from "../../generated/mcp.ts";
import { defineTool, type Fault, need } from "../tool.ts";
import { accessories, engine, env, name } from "./args.ts";

/** The errors of the parts of an answer, with the part's name. */
export function toPartFaults(
  parts:
    | readonly { readonly name: string; readonly error: { readonly code: string; readonly message: string } | null }[]
    | null
    | undefined,
): readonly Fault[] {
  return (parts ?? []).flatMap(({ name: part, error }) =>
    error ? { code: error.code, message: `${part}: ${error.message}` } : [],
  );
}

export const listContainers = defineTool({
  name: "list_containers",
  description: "Containers of the product, worst first. usage: CPU and memory in % too.",
  args: {
    env,
    role: name.optional(),
    engine,
    status: z.string().max(20).describe("running, exited ...").optional(),
    accessories,
    usage: z.boolean().optional(),
  },
  list: "containers",
  row: {
    name: "string",
    role: "string",
    status: "string",
    health: "string",
    restarts: "integer",
    started: "string",
    version: "string",
    engine: "string",
    env: "string",
    cpu_pct: "number",
    mem_pct: "number",
    stale: "boolean",
    problem: "string",
  },
  facts: {},
  narrow: "env, role, engine or status",
  documents: [ContainersDocument],
  async run({ role, status, accessories: includeAccessories = false, usage = false, ...where }, ask) {
    const { data, errors } = await ask(ContainersDocument, { ...where, usage, includeAccessories });
    const wanted = need(data.containers, errors).filter(
      (one) => (role === undefined || one.role === role) && (status === undefined || one.status === status),
    );
    const troubles = toTroubles((data.problems?.problems ?? []).filter(isOfOneContainer));
    return {
      rows: wanted.toSorted(createContainerOrder(troubles)).map((one) => ({
        name: one.name,
        role: one.role,
        status: one.status,
        health: one.health,
        restarts: one.restarts,
        started: one.startedAt,
        version: one.version,
        engine: one.engine,
        env: one.env,
        cpu_pct: one.cpuPct,
        mem_pct: one.memPct,
        stale: one.stale || null,
        problem: troubles.get(toKey(one))?.kind,
      })),
      errors: [...errors, ...toPartFaults(data.engines)],
    };
  },
});

/** A container, with its start by the name that it has in all answers. */
export function toShort<Row extends { readonly startedAt: string | null }>({ startedAt: started, ...row }: Row) {
  return { ...row, started };
}

export const previewRestart = defineTool({
  name: "preview_restart",
  description:
    "What a restart of a container would do: is it refused, is it the last healthy one of its role, which jobs run in it.",
  args: { name, engine, accessories },
  list: "jobs",
  row: { job_id: "string", queue: "string", source: "string", kind: "string", started: "string" },
  facts: {
    container: "object",
    allowed: "boolean",
    refusal: "object",
    last_healthy: "boolean",
    healthy_peers: "integer",
    jobs_running: "integer",
    unknown: "string[]",
  },
  narrow: "nothing",
  documents: [PreviewRestartDocument],
  async run({ accessories: includeAccessories = false, ...args }, ask) {
    const { data, errors } = await ask(PreviewRestartDocument, { ...args, includeAccessories });
    const container = toShort(need(data.container, errors));
    const { refusal, healthyPeers, lastHealthy, work } = need(data.restartPreview, errors);
    return {
      facts: {
        container,
        allowed: refusal === null,
        refusal,
        last_healthy: lastHealthy,
        healthy_peers: healthyPeers,
        jobs_running: work?.total,
        unknown: work?.gaps
          .slice(0, 5)
          .map(({ source, reason }) => (source === null ? reason : `${source}: ${reason}`)),
      },
      rows: (work?.jobs ?? []).map(({ jobId, startedAt, ...job }) => ({ job_id: jobId, ...job, started: startedAt })),
      unread: Math.max(0, (work?.total ?? 0) - (work?.jobs?.length ?? 0)),
      errors,
    };
  },
});
