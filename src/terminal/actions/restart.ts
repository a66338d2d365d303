import { formatState } from "../../facts/container.ts";
import { formatEnum } from "../../facts/format.ts";
import { randomUUID } from "node:crypto";
import { UsageError } from "../../cli/command.ts";
import {
  Containers,
  type ContainersQuery,
  type Environment,
  type OpsClient,
  OpsError,
  RestartContainer,
  RestartRole,
} from "../../client/client.ts";
import { pause } from "../../lib/abort.ts";
import { defineCommand, type Session } from "../command.ts";
import { isOfPlace, placeOptions, type ResultFormat, resultOption, toPlace, toSeconds } from "../options.ts";
import { toOneLine } from "../output/style.ts";
import { toDocument } from "../output/print.ts";
import { askReason, checkReason, confirm, toOnly, withScope, yesOption } from "./confirm.ts";
import { showPreview } from "./restart-preview.ts";

type Row = NonNullable<ContainersQuery["containers"]>[number];

/**
 * A restart itself may take this long beside the wait for health: the container has time to stop.
 */
const restartMs = 150_000;

interface Wanted {
  readonly reason: string | undefined;
  readonly isYes: boolean | undefined;
  /** Seconds to wait for health; null: not at all. */
  readonly waitSeconds: number | null;
  readonly format: ResultFormat;
}

export const restartCommand = defineCommand(
  {
    name: "restart",
    summary: "restart a container, or a role's containers one by one (needs ops:operate)",
    args: "NAME|ROLE",
    about: `Shows first what the restart affects: healthy replicas, running jobs, and whether the gateway would refuse it.
A role's containers restart one by one, each after the previous one is healthy; this needs a reason.
Exit code 1 if it was refused or failed, 3 if a container was not healthy in time.`,
    options: {
      reason: { type: "string", short: "r", value: "TEXT", about: "the reason, for the audit record" },
      yes: yesOption,
      wait: {
        type: "boolean",
        short: "w",
        about: "wait until it is healthy or, without a health check, has run for 10 s",
      },
      timeout: {
        type: "string",
        value: "TIME",
        default: "60s",
        about: "how long each container may take to become healthy, up to 5m",
      },
      engine: { type: "string", value: "NAME", about: "the engine of the container" },
      ...placeOptions,
      output: resultOption,
    },
    examples: [
      [
        "wallet-core-ops restart wallet-core-web-1a2b3c --wait --reason 'memory leak'",
        "One container, until it is healthy",
      ],
      [
        "wallet-core-ops restart worker --env staging --reason 'new secret' --yes",
        "All workers of staging, from a script",
      ],
    ],
  },
  async (session, values, positionals) => {
    const name = toOnly("container or role", positionals);
    const place = toPlace(values);
    const seconds = toSeconds("timeout", values.timeout);
    if (seconds < 1 || seconds > 300) throw new UsageError("--timeout must be from 1s to 5m");
    if (values.reason !== undefined) checkReason(session, values.reason);
    const wanted = {
      reason: values.reason,
      isYes: values.yes,
      waitSeconds: values.wait ? seconds : null,
      format: values.output as ResultFormat,
    };
    const client = session.client();
    const { rows, isComplete } = await list(session, client);
    const fits = (row: Row) =>
      (values.engine === undefined || row.engine === values.engine) &&
      (place.env === null || row.env === place.env) &&
      isOfPlace(row, place);
    const named = rows.filter((row) => row.name === name && fits(row));
    if (named.length > 1)
      throw new UsageError(
        `Several engines run ${name}; choose one with --engine ${named.map(({ engine }) => engine).join(" or ")}`,
      );
    const [only] = named;
    if (only) return withScope(session, () => restartOne(session, client, { name, engine: only.engine }, wanted));
    const ofRole = rows.filter((row) => row.role === name && fits(row));
    if (ofRole.length > 0)
      return withScope(session, () => restartAll(session, client, ofRole, { ...wanted, waitSeconds: seconds }));
    // A token that may restart need not be able to list: then the gateway says whether there is
    // such a container.
    if (isComplete) throw await explainMissing(session, client, name, values.engine ?? null);
    return withScope(session, () => restartOne(session, client, { name, engine: values.engine ?? null }, wanted));
  },
);

async function list(
  { context }: Session,
  client: OpsClient,
): Promise<{ readonly rows: readonly Row[]; readonly isComplete: boolean }> {
  try {
    const { data } = await client.queryPartial(Containers, {}, { signal: context.stop });
    return {
      rows: data.containers ?? [],
      isComplete: data.containers !== null && (data.engines ?? []).every(({ ok }) => ok),
    };
  } catch (error) {
    if (error instanceof OpsError && error.code === "forbidden") return { rows: [], isComplete: false };
    throw error;
  }
}

/** Rejects with the gateway's error for an unknown engine. */
async function explainMissing(
  { context }: Session,
  client: OpsClient,
  name: string,
  engine: string | null,
): Promise<OpsError> {
  const { containers } = await client.query(Containers, { engine, includeAccessories: true }, { signal: context.stop });
  const isKnown = (containers ?? []).some((row) => row.kind !== "CORE" && [row.name, row.role].includes(name));
  const reason = isKnown
    ? `${name} is not a core container, and only core containers can be restarted here`
    : `There is no container or role named ${name}`;
  return new OpsError("container_not_found", toOneLine(reason));
}

async function restartOne(
  session: Session,
  client: OpsClient,
  target: { readonly name: string; readonly engine: string | null },
  { reason, isYes, waitSeconds, format }: Wanted,
): Promise<number> {
  if (!(await showPreview(session, client, target))) return refuse(session);
  if (!(await confirm(session, "Restart?", isYes))) return 1;
  // Made once: however often it is sent, the container is restarted once.
  const idempotencyKey = randomUUID();
  const variables = {
    ...target,
    reason: reason ?? null,
    idempotencyKey,
    waitHealthy: waitSeconds !== null,
    waitSeconds: waitSeconds ?? 60,
  };
  const isIt = (row: Row) => row.name === target.name && (target.engine === null || row.engine === target.engine);
  const { restartContainer: done } = await withProgress(session, client, isIt, (signal) =>
    client.query(RestartContainer, variables, { signal, timeoutMs: (waitSeconds ?? 0) * 1000 + restartMs }),
  );
  if (!done) throw new OpsError("not_a_gateway", "The gateway did not report the result of the restart");
  const words = [done.restarted ? "restarted" : "not restarted", formatState(done)];
  await session.write(
    format === "table" ? `${toOneLine(`${done.name}: ${words.join(", ")}`)}\n` : toDocument(done, format),
  );
  if (!done.restarted) return 1;
  if (done.healthy !== false) return 0;
  session.note(session.paintError("bad", `It is still not healthy after ${waitSeconds} s`));
  return 3;
}

/** After previews, whose lines push the reason up. */
function refuse({ note, paintError }: Session): number {
  note(paintError("bad", "Nothing was restarted, because the gateway would refuse it (see above)"));
  return 1;
}

async function restartAll(
  session: Session,
  client: OpsClient,
  rows: readonly Row[],
  { reason, isYes, waitSeconds, format }: Wanted & { readonly waitSeconds: number },
): Promise<number> {
  checkReason(session, reason);
  const { role, service, destination, env } = toGroup(rows);
  const running = rows.filter(({ status }) => status === "running");
  let isRefused = false;
  for (const { name, engine } of running)
    isRefused = !(await showPreview(session, client, { name, engine })) || isRefused;
  if (running.length === 0) throw new OpsError("container_not_found", `No container of the role ${role} runs`);
  if (isRefused) return refuse(session);
  const why = await askReason(session, reason);
  const count = running.length === 1 ? "its container" : `${running.length} containers, one by one`;
  if (!(await confirm(session, `Restart the role ${toOneLine(role)}: ${count}?`, isYes))) return 1;
  const variables = { role, service, destination: destination ?? "", env, reason: why, waitSeconds };
  const timeoutMs = running.length * (waitSeconds * 1000 + restartMs);
  const isOne = (row: Row) => running.some(({ id }) => id === row.id);
  const { restartRole: done } = await withProgress(session, client, isOne, (signal) =>
    client.query(RestartRole, variables, { signal, timeoutMs }),
  );
  if (!done) throw new OpsError("not_a_gateway", "The gateway did not report the results of the restarts");
  const lines = done.steps.map(({ outcome, error, container }) => {
    const after = error ? `${formatEnum(outcome)}: ${error.message} (${error.code})` : formatEnum(outcome);
    return `${toOneLine(`${container?.name ?? "a container"}: ${after}`)}\n`;
  });
  await session.write(format === "table" ? lines.join("") : toDocument(done, format));
  if (done.complete) return 0;
  return done.steps.some(({ outcome }) => outcome === "FAILED") ? 1 : 3;
}

interface Group {
  readonly role: string;
  readonly service: string | null;
  readonly destination: string | null;
  readonly env: Environment | null;
}

/** The one group of all rows. @throws UsageError where there are several */
function toGroup(rows: readonly Row[]): Group {
  const groups = new Map(
    rows.map(({ role, service, destination, env }) => [
      JSON.stringify([service, destination, env]),
      { role, service, destination, env },
    ]),
  );
  const [group, ...others] = groups.values();
  if (!group || others.length > 0) {
    const ways = [...groups.values()].map(
      ({ service, destination, env }) =>
        `${service === null ? "" : `--service ${service} `}--destination ${destination ?? '""'}${env === null ? "" : ` --env ${env.toLowerCase()}`}`,
    );
    throw new UsageError(`This role belongs to several services or destinations; choose with ${ways.join(", or ")}`);
  }
  return group;
}

/** Runs a restart, and says meanwhile on stderr how its containers change. */
async function withProgress<T>(
  session: Session,
  client: OpsClient,
  isShown: (row: Row) => boolean,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { stop } = session.context;
  const end = new AbortController();
  // Progress is a courtesy: the restart itself says what is wrong.
  const watching = watchStates(session, client, isShown, AbortSignal.any([stop, end.signal])).catch(() => {});
  try {
    return await run(stop);
  } catch (error) {
    if (stop.aborted)
      session.note("The gateway continues the restart: see its outcome with `wallet-core-ops audit-log`");
    throw error;
  } finally {
    end.abort();
    await watching;
  }
}

/** Until the signal aborts. Rejects when the gateway does not answer. */
async function watchStates(
  session: Session,
  client: OpsClient,
  isShown: (row: Row) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Map<string, { readonly state: string; readonly startedAt: string | null }>();
  do {
    const { data } = await client.queryPartial(Containers, {}, { signal });
    for (const { id, name, status, health, startedAt } of (data.containers ?? []).filter(isShown)) {
      const state = formatState({ status, health });
      const before = seen.get(id);
      seen.set(id, { state, startedAt });
      if (!before || (before.state === state && before.startedAt === startedAt)) continue;
      const isNew = before.startedAt !== startedAt;
      session.note(session.paintError("muted", toOneLine(`${name}: ${isNew ? "started again: " : ""}${state}`)));
    }
  } while (await pause(1000, signal));
}
