import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { toAlerts } from "../../script/alerts/table.ts";
import { toAlerting } from "../../script/grafana/alerts.ts";
import { alertRules } from "../../src/problems/rules.ts";
import type { Target } from "../../script/grafana/model.ts";
import { type AlertStage, factor } from "./alert-stage.ts";
import { numbersOf } from "./grafana-frames.ts";
import { ask } from "./grafana-queries.ts";

type Labels = Readonly<Record<string, string>>;

export interface Condition {
  readonly alert: string;
  readonly labels: Labels;
  /** Creates the condition; may return since when it holds, unix milliseconds. */
  readonly make: () => unknown;
  /** Ends it; may return when it ended. */
  readonly end: () => unknown;
  /** Length of the rule's window after the end, accelerated seconds. @default 0 */
  readonly remembered?: number;
}

/**
 * Allowed delay after the rule's own duration, seconds: a scrape, two evaluations, a cache of the
 * gateway; a failed scrape on a busy machine starts again.
 */
const graceSeconds = 45;

interface GrafanaRule {
  readonly title: string;
  readonly data: readonly { readonly model: Target }[];
}
const { groups } = toAlerting(factor) as { groups: readonly { rules: readonly GrafanaRule[] }[] };
const durations = new Map(toAlerts().map((rule) => [rule.alert, rule.for / factor]));
/** Of the rules of Grafana that ask Prometheus; the others ask the gateway itself. */
const models = new Map<string, Target>();
for (const { title, data } of groups.flatMap(({ rules }) => rules)) {
  const model = data[0]?.model;
  if (model?.datasource.type === "prometheus") models.set(title, model);
}

/** Measures alerts on a stage, by Prometheus and by Grafana's rules. */
export function createMeasure(stage: AlertStage) {
  const times: { alert: string; "for (s)": number; "fired after (s)": number; "ended after (s)": number }[] = [];

  /**
   * The state of Grafana's rule for series with these labels; null for a rule that does not ask
   * Prometheus.
   */
  const askGrafana = async (alert: string, labels: Labels = {}): Promise<"firing" | "quiet" | "no data" | null> => {
    const model = models.get(alert);
    if (!model) return null;
    const numbers = (await ask(stage.place, model)).flatMap(numbersOf);
    if (numbers.length === 0) return "no data";
    const isAbout = (own: Labels = {}) =>
      Object.entries(labels).every(([name, value]) => (own[name] ?? value) === value);
    return numbers.some((field) => isAbout(field.labels) && Number(field.values[0]) > 0) ? "firing" : "quiet";
  };
  /** Grafana evaluates at another moment than Prometheus. */
  const untilGrafana = async (wanted: "firing" | "quiet", { alert, labels }: Condition) => {
    const end = Date.now() + 15_000;
    let found = await askGrafana(alert, labels);
    while (found !== null && found !== wanted && Date.now() < end) {
      await sleep(200);
      found = await askGrafana(alert, labels);
    }
    if (found !== null) expect(found, `${alert} in Grafana`).toBe(wanted);
  };
  /** The alerts of the problems that the gateways list. */
  const listAlerts = async (): Promise<readonly string[]> => {
    const headers = { authorization: `Bearer ${stage.place.token}`, "content-type": "application/json" };
    const body = JSON.stringify({ query: "{ problems { problems { alert } } }" });
    const answers = await Promise.all(
      Object.values(stage.gateways).map(async ({ url }) => {
        const answer = await fetch(`${url}/graphql`, { method: "POST", headers, body }).catch(() => null);
        const { data } = ((await answer?.json()) ?? {}) as {
          data?: { problems: { problems: readonly { alert: string | null }[] } | null };
        };
        return data?.problems?.problems.flatMap((problem) => problem.alert ?? []) ?? [];
      }),
    );
    return answers.flat();
  };
  return {
    /** The measured alerts, in order. */
    times: times as readonly (typeof times)[number][],
    askGrafana,
    /** Creates a condition, waits for the alert, ends it, and measures both. */
    async measure(condition: Condition): Promise<void> {
      const { alert, labels, make, end, remembered = 0 } = condition;
      const duration = durations.get(alert) ?? 0;
      const madeAt = await runAt(make);
      const firing = await stage.watch.fires(alert, labels, (duration + graceSeconds) * 1000);
      // A stalled queue is behind too, which the list does not say twice.
      const listed = alert === "OpsQueueBehind" ? ["OpsQueueStalled", alert] : [alert];
      const isListed = async () => (await listAlerts()).some((one) => listed.includes(one));
      if (alert in alertRules)
        await expect.poll(isListed, { timeout: 15_000, message: `${alert} in the list` }).toBe(true);
      await untilGrafana("firing", condition);
      const endedAt = await runAt(end);
      const fired = (firing.from - madeAt) / 1000;
      const ended = ((await stage.watch.ends(firing)) - endedAt) / 1000;
      times.push({ alert, "for (s)": duration, "fired after (s)": fired, "ended after (s)": ended });
      // Evaluations are a second apart, and `for` counts from one to another.
      expect(fired).toBeGreaterThan(duration - 1);
      expect(fired).toBeLessThan(duration + graceSeconds);
      expect(ended).toBeLessThan(remembered + graceSeconds);
      await untilGrafana("quiet", condition);
    },
  };
}

async function runAt(run: () => unknown): Promise<number> {
  const before = Date.now();
  const at = await run();
  return typeof at === "number" ? at : before;
}
