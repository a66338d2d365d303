import { z } from "zod";
import { OpsError } from "../../lib/errors.ts";
import { redactStart, cutMargin } from "../../lib/redact/sanitize.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import { type ContainerRef, healthOutputLimit } from "../container.ts";
import type { ProbeRun } from "../source.ts";
import type { EngineCalls } from "./engine/engine.ts";
import { firstOf } from "./http/answers.ts";
import { AnswerError } from "./http/errors.ts";
import { createDemuxer } from "./logs/framing.ts";

/** Docker's default for a probe without a timeout. */
const defaultTimeoutSeconds = 30;
/** How much of its output is read. */
const maxOutputBytes = healthOutputLimit + cutMargin;
/** For the calls around the probe. */
const graceMs = 5000;

const healthcheck = z.object({ Test: firstOf(z.string()).nullish(), Timeout: z.number().nullish() }).nullish();
const inspectAnswer = z.object({ Config: z.object({ Healthcheck: healthcheck }) });
const createAnswer = z.object({ Id: z.string().regex(/^[0-9a-f]{64}$/) });
const execAnswer = z.object({ Running: z.boolean(), ExitCode: z.int32().nullish() });

/**
 * Leaving an exec does not end its process, so the script ends itself: Docker makes it the leader
 * of a process group, and its watcher kills that group, with everything the probe has started.
 */
const script = `n=$1; shift
(sleep "$n"; kill -9 0) </dev/null >/dev/null 2>&1 &
w=$!; "$@"; r=$?; kill "$w" 2>/dev/null; exit "$r"`;

/**
 * Runs a container's own health check by exec, one at a time for each container: a second caller
 * joins the first. Null without a health check.
 */
export function createHealthProber(): (engine: EngineCalls, ref: ContainerRef) => Promise<ProbeRun | null> {
  const running = new Map<string, Promise<ProbeRun | null>>();
  return (engine, { fullId }) => {
    const known = running.get(fullId);
    if (known) return known;
    const run = runProbe(engine, fullId).finally(() => running.delete(fullId));
    running.set(fullId, run);
    return run;
  };
}

async function runProbe(engine: EngineCalls, fullId: string): Promise<ProbeRun | null> {
  const inspect = async (signal: AbortSignal) =>
    parseAnswer(inspectAnswer, await engine.client.call(fullId, "json", {}, signal), "GET /containers/{id}/json");
  const { Config: config } = await engine.ask(graceMs, inspect);
  const command = toCommand(config.Healthcheck?.Test ?? []);
  if (command === null) return null;
  const seconds = toTimeout(config.Healthcheck?.Timeout ?? 0);
  const body = {
    AttachStdout: true,
    AttachStderr: true,
    Cmd: ["/bin/sh", "-c", script, "health-check", String(seconds), ...command],
  };
  const startedMs = performance.now();
  const result = await engine.ask(seconds * 1000 + graceMs, async (signal) => {
    const created = await engine.client.exec(`/containers/${fullId}/exec`, body, signal);
    const { Id: execId } = parseAnswer(createAnswer, created, "POST /containers/{id}/exec");
    const output = await readOutput(await engine.client.openExec(execId, signal));
    const ended = await engine.client.exec(`/exec/${execId}/json`, null, signal);
    const { ExitCode: exitCode } = parseAnswer(execAnswer, ended, "GET /exec/{id}/json");
    return { output, exitCode: exitCode ?? null };
  });
  const durationMs = Math.round(performance.now() - startedMs);
  if (result.exitCode === 126 || result.exitCode === 127) requireShell(result.output, engine.name);
  const timedOut = result.exitCode === 137 && durationMs >= seconds * 1000;
  return {
    ...result,
    output: redactStart(result.output, healthOutputLimit, Buffer.byteLength(result.output) >= maxOutputBytes),
    timedOut,
    durationMs,
    checkedAt: formatRfc3339(Date.now()),
  };
}

function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown, call: string): T {
  const { success, data } = schema.safeParse(answer);
  if (!success) throw new AnswerError(`unexpected response to ${call}`);
  return data;
}

/** The command that Docker would run; null without a health check. */
function toCommand([kind, ...rest]: readonly string[]): readonly string[] | null {
  if (kind === "CMD" && rest.length > 0) return rest;
  return kind === "CMD-SHELL" && rest[0] !== undefined ? ["/bin/sh", "-c", rest[0]] : null;
}

/** Whole seconds, 1 to 30, from Docker's nanoseconds. */
function toTimeout(nanoseconds: number): number {
  return nanoseconds > 0
    ? Math.min(defaultTimeoutSeconds, Math.max(1, Math.ceil(nanoseconds / 1e9)))
    : defaultTimeoutSeconds;
}

function requireShell(output: string, engine: string): void {
  // The wording of runc and crun.
  if (!/exec: "\/bin\/sh"|executable file `\/bin\/sh`/.test(output)) return;
  const message = `Docker engine ${engine}: the container has no /bin/sh, which is needed to end a probe in time`;
  throw new OpsError("docker_error", message, { upstream: `docker:${engine}` });
}

/** The first `maxOutputBytes` of both streams, in order of arrival. */
async function readOutput(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const demux = createDemuxer((_, payload) => {
    if (size >= maxOutputBytes) return;
    chunks.push(payload);
    size += payload.length;
  });
  for await (const chunk of stream) if (!demux(chunk)) break;
  return Buffer.concat(chunks).subarray(0, maxOutputBytes).toString("utf8");
}
