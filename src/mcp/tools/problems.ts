import { compareHosts, hostNumberNames, hostNumbers } from "../../facts/host.ts";
import type { NumberFact } from "../../facts/number.ts";
import { HostsDocument, ProblemsDocument } from "../../generated/mcp.ts";
import { defineTool, need } from "../tool.ts";
import { env } from "./args.ts";

const evidenceShown = 10;

export const problems = defineTool({
  name: "problems",
  description:
    "What is wrong now, worst first: start here. Then read_logs for a container, errors for a queue, verdict for a deploy.",
  args: { env },
  list: "problems",
  row: {
    severity: "string",
    kind: "string",
    title: "string",
    since: "string",
    evidence: "string[]",
    container: "string",
    engine: "string",
    queue: "string",
    source: "string",
    host: "string",
    deploy: "string",
    role: "string",
    service: "string",
    destination: "string",
    env: "string",
  },
  facts: { now: "string", critical: "integer", warnings: "integer", unchecked: "string[]", quiet_since: "string" },
  narrow: "env",
  documents: [ProblemsDocument],
  async run(args, ask) {
    const { data, errors } = await ask(ProblemsDocument, { env: args.env });
    const { problems: found, criticalCount, warningCount, gaps, quietSince, checkedAt } = need(data.problems, errors);
    const counts = { critical: criticalCount, warnings: warningCount };
    return {
      facts: { now: checkedAt, ...counts, unchecked: gaps.slice(0, 10), quiet_since: quietSince },
      rows: found.map(({ severity, kind, title, since, evidence, container, queue, ...row }) => ({
        severity,
        kind,
        title,
        since,
        evidence: evidence.slice(0, evidenceShown),
        container: container?.name,
        engine: container?.engine ?? row.engine?.name,
        queue: queue?.name,
        source: queue?.source ?? row.source,
        host: row.host?.name,
        deploy: row.deploy?.tag,
        role: row.role,
        service: row.service,
        destination: row.destination,
        env: row.env,
      })),
      errors,
    };
  },
});

/** The numbers that agents get, by their short names. */
const hostTools = hostNumberNames.flatMap((number) => {
  const { tool }: NumberFact = hostNumbers[number];
  return tool === undefined ? [] : [{ key: tool, number }];
});

export const hosts = defineTool({
  name: "hosts",
  description: "Machines: use of CPU, memory and disk (0 to 1), load. alert: above its threshold.",
  args: {},
  list: "hosts",
  row: {
    name: "string",
    status: "string",
    alert: "boolean",
    ...Object.fromEntries(hostTools.map(({ key }) => [key, "number" as const])),
    reason: "string",
  },
  facts: { measured_at: "string" },
  narrow: "nothing",
  documents: [HostsDocument],
  async run(_args, ask) {
    const { data, errors } = await ask(HostsDocument, {});
    return {
      facts: { measured_at: data.hostsUpdatedAt },
      rows: need(data.hosts, errors)
        .toSorted(compareHosts)
        .map((row) => ({
          name: row.name,
          status: row.status,
          alert: row.alert,
          ...Object.fromEntries(hostTools.map(({ key, number }) => [key, row[number]])),
          reason: row.reason,
        })),
      errors,
    };
  },
});
