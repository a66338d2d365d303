import * as z from "zod";
import { DeploysDocument, type ReleaseQuery, TimelineDocument, VerdictDocument } from "../../generated/mcp.ts";
import { timelineKinds } from "../../timeline/timeline.ts";
import { defineTool, need } from "../tool.ts";
import { env, limit, name, time } from "./args.ts";

/** A deploy by the names that it has in all answers. */
export function toDeployRow(one: NonNullable<ReleaseQuery["deploys"]>["nodes"][number]) {
  return {
    tag: one.tag,
    version: one.version,
    state: one.state,
    at: one.deployedAt,
    by: one.deployedBy,
    commit: one.commitSha,
    previous: one.previousTag,
    service: one.service,
    destination: one.destination,
    env: one.env,
  };
}

export const deploys = defineTool({
  name: "deploys",
  description: "Deploys, newest first, and where what runs differs from them (drift). Then verdict.",
  args: { env, tag: name.optional(), limit: limit(20, 100) },
  list: "deploys",
  row: {
    tag: "string",
    version: "string",
    state: "string",
    at: "string",
    by: "string",
    commit: "string",
    previous: "string",
    service: "string",
    destination: "string",
    env: "string",
  },
  facts: { drift: "object[]" },
  narrow: "env, tag or limit",
  documents: [DeploysDocument],
  async run({ limit: most, ...where }, ask) {
    const { data, errors } = await ask(DeploysDocument, where);
    const { nodes, pageInfo } = need(data.deploys, errors);
    return {
      facts: { drift: data.drift?.slice(0, 5) },
      rows: nodes.slice(0, most).map(toDeployRow),
      unread: pageInfo.hasNextPage || Math.max(0, nodes.length - most),
      errors,
    };
  },
});

export const verdict = defineTool({
  name: "verdict",
  description: "Whether the newest deploy, or tag, made queues, containers or errors worse.",
  args: {
    env,
    tag: name.optional(),
    window_minutes: z.int().min(5).max(360).default(30).describe("Before and after"),
    limit: limit(1, 5),
  },
  list: "verdicts",
  row: {
    tag: "string",
    outcome: "string",
    unjudgeable: "string",
    reasons: "string[]",
    unknown: "string[]",
    new_errors: "object[]",
    worse_queues: "object[]",
    restarts_before: "integer",
    restarts_after: "integer",
    unhealthy_now: "string[]",
    deployed_at: "string",
    previous: "string",
    env: "string",
  },
  facts: {},
  narrow: "env, tag or limit",
  documents: [VerdictDocument],
  async run({ limit: first, window_minutes: minutes, ...where }, ask) {
    const { data, errors } = await ask(VerdictDocument, { ...where, first, window: minutes * 60 });
    return {
      rows: need(data.deploys, errors).nodes.map(({ verdict: found, ...deploy }) => ({
        tag: deploy.tag,
        outcome: found?.outcome ?? "unknown",
        unjudgeable: found?.unjudgeable,
        reasons: found?.reasons.slice(0, 10),
        unknown: found?.gaps.slice(0, 5),
        new_errors: found?.newErrors?.slice(0, 10),
        worse_queues: found?.queues.filter(({ outcome }) => outcome === "regressed").slice(0, 10),
        restarts_before: found?.containers.restartsBefore,
        restarts_after: found?.containers.restartsAfter,
        unhealthy_now: found?.containers.unhealthyNow.slice(0, 10),
        deployed_at: deploy.deployedAt,
        previous: deploy.previousTag,
        env: deploy.env,
      })),
      errors,
    };
  },
});

export const timeline = defineTool({
  name: "timeline",
  description: "Newest first: deploys, restarts, deaths, changes of health, queues and hosts.",
  args: {
    env,
    kinds: z.array(z.enum(timelineKinds)).min(1).optional(),
    from: z.string().min(1).max(40).default("24h"),
    to: time,
    limit: limit(50, 200),
  },
  list: "events",
  row: {
    time: "string",
    kind: "string",
    what: "string",
    container: "string",
    queue: "string",
    host: "string",
    role: "string",
    version: "string",
    who: "string",
    env: "string",
  },
  facts: {},
  narrow: "env, kinds, from, to or limit",
  documents: [TimelineDocument],
  async run({ limit: most, ...where }, ask) {
    const { data, errors } = await ask(TimelineDocument, where);
    const { nodes, pageInfo } = need(data.timeline, errors);
    return {
      rows: nodes.slice(0, most).map((one) => ({
        time: one.time,
        kind: one.kind,
        what: one.message,
        container: one.container,
        queue: one.queue,
        host: one.host ?? (one.container === null ? one.engine : null),
        role: one.container === null ? one.role : null,
        version: one.version,
        who: one.who,
        env: one.env,
      })),
      unread: pageInfo.hasNextPage || Math.max(0, nodes.length - most),
      errors,
    };
  },
});
