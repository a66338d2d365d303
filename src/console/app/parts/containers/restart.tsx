import type { Tone } from "../../../../facts/tone.ts";
import { toContainerState } from "../../../../facts/container.ts";
import { effect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { OpsError } from "../../../../client/error.ts";
import {
  ConsoleRestartDocument,
  type ConsoleRestartMutation,
  ConsoleRestartPreviewDocument,
  type ConsoleRestartPreviewMutation,
} from "../../../../generated/console.ts";
import { ask, type Failure } from "../../data/client.ts";
import { type ContainerRow, findContainers } from "../../data/containers.ts";
import { refreshAll } from "../../data/live.ts";
import { pause } from "../../../../lib/abort.ts";
import { href } from "../../page/url.ts";
import { server } from "../../session/viewer.ts";
import type { Action, Step } from "../action.tsx";
import { formatDuration } from "../../../../facts/format.ts";
import { Shape } from "../state.tsx";
import { Clock, Since } from "../time.tsx";

type Target = Pick<ContainerRow, "name" | "engine" | "kind" | "role">;
type Preview = NonNullable<NonNullable<ConsoleRestartPreviewMutation["restartContainer"]>["preview"]>;
type Result = NonNullable<ConsoleRestartMutation["restartContainer"]>;

/** How long the gateway waits for its health, seconds. */
const waitSeconds = 120;

/**
 * How long to retry after the gateway went away in the middle, ms. The key prevents a second
 * restart.
 */
const retryForMs = 120_000;

/** Why nobody can restart anything here; null when that is possible. */
export function whyNoRestart(): string | null {
  return server.value?.restartEnabled === false ? "Restarts are off: WALLET_CORE_OPS_RESTART=on enables them" : null;
}

/** Restarts a container: what it will touch, why, and how it goes until it is healthy. */
export function createRestart(row: Target): Action {
  const { name, engine, role } = row;
  const target = { name, engine, includeAccessories: row.kind !== "CORE" };
  const key = createKey();
  return {
    title: `Restart ${name}`,
    verb: "Restart",
    preview: async () => {
      const { data, failures } = await ask(ConsoleRestartPreviewDocument, target);
      const preview = data?.restartContainer?.preview;
      if (!preview) return { content: null, refusal: toText(failures[0]) };
      return { content: <Touched role={role} engine={engine} preview={preview} />, refusal: toRefusal(preview) };
    },
    run: async (reason, report) => {
      const startedMs = performance.now();
      report({ tone: "neutral", text: "Sent. The gateway records the restart, then sends it to the engine." });
      const stop = reportProgress(row, report);
      try {
        const { data, failures } = await askUntilAnswered(
          { ...target, reason, idempotencyKey: key, waitSeconds },
          report,
        );
        const result = data?.restartContainer;
        if (!result)
          return { tone: failures[0]?.code === "restart_unknown" ? "warn" : "bad", text: toText(failures[0]) };
        return toLastStep(result, (performance.now() - startedMs) / 1000);
      } finally {
        stop();
      }
    },
    onDone: refreshAll,
  };
}

function toText(failure: Failure | undefined): string {
  return failure ? `${failure.message} (${failure.code})` : "The gateway returned no result.";
}

function toRefusal({ refusal }: Preview): string | null {
  return refusal ? `${refusal.message} (${refusal.code})` : null;
}

/** `crypto.randomUUID` is missing where the console is served without TLS. */
function createKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Asks again with the same key while the gateway is away. */
async function askUntilAnswered(variables: Parameters<typeof askOnce>[0], report: (step: Step) => void) {
  const until = Date.now() + retryForMs;
  for (let isReported = false; ; isReported = true) {
    try {
      return await askOnce(variables);
    } catch (error) {
      if (!(error instanceof OpsError) || Date.now() > until) throw error;
      if (!isReported)
        report({
          tone: "warn",
          text: "The gateway does not answer. Retrying; the same restart never runs twice.",
        });
      await pause(1000);
    }
  }
}

function askOnce(variables: {
  readonly name: string;
  readonly engine: string;
  readonly includeAccessories: boolean;
  readonly reason: string;
  readonly idempotencyKey: string;
  readonly waitSeconds: number;
}) {
  return ask(ConsoleRestartDocument, variables);
}

/**
 * Reports each change of the container that the live list shows, until the returned function is
 * called.
 */
function reportProgress({ name, engine }: Target, report: (step: Step) => void): () => void {
  let last: ContainerRow | undefined;
  return effect(() => {
    const [row] = findContainers(name, engine) ?? [];
    if (!row) return;
    const before = last;
    last = row;
    if (!before) return;
    const { tone, word } = toContainerState(row);
    if (row.startedAt && row.startedAt !== before.startedAt)
      report({
        tone: "ok",
        text: (
          <>
            Restarted: running since <Clock at={row.startedAt} />
          </>
        ),
      });
    else if (word === toContainerState(before).word) return;
    const isStopped = row.status !== "running" && row.status !== "restarting";
    // What is on its way is not yet wrong: only the end of the wait says that.
    report({ tone: tone === "bad" ? "warn" : tone, text: isStopped ? "Stopped, will start again" : `Now ${word}` });
  });
}

function toLastStep({ status, health, healthy }: Result, seconds: number): Step {
  const took = formatDuration(Math.round(seconds));
  if (healthy === true)
    return {
      tone: "ok",
      text: health === "NONE" ? `Done in ${took}: it is running (no health check).` : `Done in ${took}: it is healthy.`,
    };
  const state = health === "NONE" ? status : `${status} and ${health.toLowerCase()}`;
  return {
    tone: healthy === false ? "bad" : "warn",
    text: `It restarted, but after ${took} it is ${state}. Check its health check and its log.`,
  };
}

function Line({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <li>
      <Shape tone={tone} /> <span>{children}</span>
    </li>
  );
}

const shownJobs = 5;

/** What a restart will touch, in words. */
function Touched({
  role,
  engine,
  preview,
}: {
  readonly role: string;
  readonly engine: string;
  readonly preview: Preview;
}) {
  return (
    <ul class="touched">
      <Line tone="neutral">
        It will stop briefly: role <b class="isolate">{role}</b> on engine <b class="isolate">{engine}</b>.
      </Line>
      <Peers role={role} preview={preview} />
      <Work work={preview.work} />
    </ul>
  );
}

function Peers({ role, preview: { lastHealthy, healthyPeers } }: { readonly role: string; readonly preview: Preview }) {
  if (lastHealthy === null)
    return <Line tone="neutral">Unknown whether other containers keep serving: this token lacks ops:read.</Line>;
  if (lastHealthy)
    return (
      <Line tone="bad">
        <b>This is the last healthy container of {role}:</b> nothing serves while it restarts.
      </Line>
    );
  if (!healthyPeers) return <Line tone="warn">No other container of {role} is healthy.</Line>;
  return (
    <Line tone="ok">
      {healthyPeers === 1 ? "1 other container" : `${healthyPeers} other containers`} of {role}{" "}
      {healthyPeers === 1 ? "is" : "are"} healthy.
    </Line>
  );
}

function Work({ work }: { readonly work: Preview["work"] }) {
  if (!work) return <Line tone="neutral">Unknown whether jobs are running in it: this token lacks ops:read.</Line>;
  const { jobs, total, gaps } = work;
  return (
    <>
      {total === 0 && <Line tone="ok">No jobs are running in it.</Line>}
      {jobs && total !== null && total > 0 && (
        <Line tone="warn">
          {total === 1 ? "1 job is" : `${total} jobs are`} running in it and will be interrupted:
          <ul>
            {jobs.slice(0, shownJobs).map(({ jobId, kind, queue, source, startedAt }) => (
              <li key={`${source} ${jobId}`}>
                <a class="link isolate" href={href("/job", { source, id: jobId })}>
                  {jobId}
                </a>{" "}
                {kind && kind !== queue && <span class="isolate">{kind} </span>}
                <span class="muted isolate">
                  {queue}
                  {startedAt && (
                    <>
                      , for <Since at={startedAt} />
                    </>
                  )}
                </span>
              </li>
            ))}
            {total > shownJobs && <li class="muted">and {total - shownJobs} more</li>}
          </ul>
        </Line>
      )}
      {gaps.length > 0 && (
        <Line tone="neutral">
          {jobs === null ? "Unknown whether jobs are running in it" : "More jobs may be running in it"}:{" "}
          {toGapText(gaps)}.
        </Line>
      )}
      {jobs === null && gaps.length === 0 && (
        <Line tone="neutral">No job system records which jobs are running in it.</Line>
      )}
    </>
  );
}

/** Gaps of the same reason are said once. */
function toGapText(gaps: NonNullable<Preview["work"]>["gaps"]): string {
  const byReason = Map.groupBy(gaps, ({ reason }) => reason);
  return [...byReason]
    .map(([reason, some]) => {
      const sources = some.map(({ source }) => source).filter((source) => source !== null);
      const names =
        sources.length > 3 ? `${sources.slice(0, 3).join(", ")} and ${sources.length - 3} more` : sources.join(", ");
      return names ? `${names}: ${reason}` : reason;
    })
    .join("; ");
}
