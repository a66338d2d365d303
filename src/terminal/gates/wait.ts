import { UsageError } from "../../cli/command.ts";
import type { OpsClient } from "../../client/client.ts";
import { mayAnswer } from "../../client/error.ts";
import { pause } from "../../lib/abort.ts";
import { formatDuration } from "../../facts/format.ts";
import { ConditionError, defineCommand } from "../command.ts";
import { placeOptions, toPlace, toSeconds } from "../options.ts";
import { toOneLine } from "../output/style.ts";
import { describe, findMissing } from "./conditions.ts";
import { type Conditions, look } from "./look.ts";

/** Most reasons that are named in one line. */
const shownReasons = 8;
/** The last read may take this long although the time is up. */
const lastLookMs = 10_000;

export const waitCommand = defineCommand(
  {
    name: "wait",
    summary: "wait until containers are healthy, idle or on a release, or a queue is empty (for deploy scripts)",
    about: `All conditions must hold in the same check. If the gateway cannot be reached, it tries again.
Unknown conditions count as not met: a job without a worker's name, an engine or source that does not answer.
Exit code 3 when the time is up; stderr says what is missing.`,
    options: {
      healthy: { type: "boolean", about: "every container runs and is healthy, if it has a health check" },
      idle: { type: "boolean", about: "no job runs in them, so a deploy interrupts none" },
      release: { type: "string", value: "TAG", about: "every container runs this release: its tag, version or commit" },
      "queue-empty": {
        type: "string",
        multiple: true,
        value: "NAME",
        about: "no job waits or runs in this queue; repeatable",
      },
      role: {
        type: "string",
        multiple: true,
        short: "r",
        value: "ROLE",
        about: "only containers of this role; repeatable",
      },
      ...placeOptions,
      source: { type: "string", value: "NAME", about: "only jobs of this source" },
      "ignore-unknown": { type: "boolean", about: "count unknown conditions as met" },
      timeout: { type: "string", value: "TIME", default: "5m", about: "how long to wait: 90s, 10m; 0 checks once" },
      interval: { type: "string", value: "TIME", default: "2s", about: "time between two checks, at least 1s" },
    },
    examples: [
      ["wallet-core-ops wait --idle --role worker --timeout 10m", "Before a deploy: no job is interrupted"],
      ["wallet-core-ops wait --release v42 --healthy --role web", "After it: the new release serves"],
    ],
  },
  async (session, values) => {
    const conditions: Conditions = {
      isHealthy: values.healthy ?? false,
      isIdle: values.idle ?? false,
      release: values.release ?? null,
      queues: values["queue-empty"] ?? [],
      roles: values.role ?? [],
      ...toPlace(values),
      source: values.source ?? null,
    };
    const [timeoutSeconds, intervalSeconds] = [
      toSeconds("timeout", values.timeout),
      toSeconds("interval", values.interval),
    ];
    if (intervalSeconds < 1) throw new UsageError("--interval must be at least 1s");
    const sought = describe(conditions);
    if (sought.length === 0)
      throw new UsageError("A condition is required: --healthy, --idle, --release or --queue-empty");
    const { note, paintError: paint, context } = session;
    const client = session.client();
    note(
      toOneLine(
        `${timeoutSeconds === 0 ? "looking once" : `waiting up to ${formatDuration(timeoutSeconds)}`}: ${sought.join("; ")}`,
      ),
    );
    const endMs = Date.now() + timeoutSeconds * 1000;
    let said = "";
    for (;;) {
      const limit = AbortSignal.timeout(Math.max(endMs - Date.now(), lastLookMs));
      const missing = await findReasons(
        client,
        conditions,
        AbortSignal.any([context.stop, limit]),
        values["ignore-unknown"] ?? false,
      );
      context.stop.throwIfAborted();
      if (missing === null) {
        note(paint("ok", "it holds"));
        return 0;
      }
      const leftMs = endMs - Date.now();
      if (leftMs <= 0)
        throw new ConditionError(
          `Not met${timeoutSeconds === 0 ? "" : ` after ${formatDuration(timeoutSeconds)}`}: ${missing}`,
        );
      if (missing !== said) note(toOneLine(`not yet: ${missing}`));
      said = missing;
      await pause(Math.min(intervalSeconds * 1000, leftMs), context.stop);
      context.stop.throwIfAborted();
    }
  },
);

/**
 * Why the conditions do not hold, in one line; null when they do. @throws OpsError that does not
 * pass
 */
async function findReasons(
  client: OpsClient,
  wanted: Conditions,
  signal: AbortSignal,
  ignoresUnknown: boolean,
): Promise<string | null> {
  try {
    const missing = findMissing(wanted, await look(client, wanted, signal), Date.now()).filter(
      ({ isUnknown }) => !isUnknown || !ignoresUnknown,
    );
    if (missing.length === 0) return null;
    const shown = missing.slice(0, shownReasons).map(({ text }) => text);
    return [...shown, ...(missing.length > shownReasons ? [`and ${missing.length - shownReasons} more`] : [])].join(
      "; ",
    );
  } catch (error) {
    if (signal.aborted) return "the gateway did not answer in time";
    if (mayAnswer(error)) return `${error.message} (${error.code})`;
    throw error;
  }
}
