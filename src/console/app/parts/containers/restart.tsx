import type { Tone } from "../../../../facts/tone.ts";
import { formatState, toContainerState } from "../../../../facts/container.ts";
import { describePeers, describeWork } from "../../../../facts/restart.ts";
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

/**
 * Restarts a container: shows what it affects, asks why, and reports progress until it is healthy.
 */
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
    // A container that is still starting is not wrong yet: only the end of the wait decides.
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
  return {
    tone: healthy === false ? "bad" : "warn",
    text: `It restarted, but after ${took} it is ${formatState({ status, health })}. Check its health check and its log.`,
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

/** What a restart affects, in words. */
function Touched({
  role,
  engine,
  preview,
}: {
  readonly role: string;
  readonly engine: string;
  readonly preview: Preview;
}) {
  const peers = describePeers(preview);
  return (
    <ul class="touched">
      <Line tone="neutral">
        It will stop briefly: role <b class="isolate">{role}</b> on engine <b class="isolate">{engine}</b>.
      </Line>
      <Line tone={peers.tone}>{peers.text}</Line>
      <Work work={preview.work} />
    </ul>
  );
}

function Work({ work }: { readonly work: Preview["work"] }) {
  const { facts, jobs, total } = describeWork(work);
  return (
    <>
      {facts.map(({ tone, text }, index) => (
        <Line key={text} tone={tone}>
          {text}
          {index === 0 && jobs.length > 0 && (
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
          )}
        </Line>
      ))}
    </>
  );
}
