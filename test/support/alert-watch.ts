import { setTimeout as sleep } from "node:timers/promises";

type Labels = Readonly<Record<string, string>>;

interface Firing {
  readonly alert: string;
  readonly labels: Labels;
  /** Unix time, milliseconds, as seen. */
  readonly from: number;
  /** Null while it fires. */
  to: number | null;
}

interface AlertsAnswer {
  readonly data: { readonly alerts: readonly { readonly state: string; readonly labels: Labels }[] };
}

/** Reads the firing alerts of a Prometheus four times a second, and stores all of them. */
export function watchAlerts(prometheusUrl: string) {
  const seen: Firing[] = [];
  const stopped = new AbortController();
  const current = (alert: string, labels: Labels) =>
    seen.filter(
      (one) =>
        one.alert === alert && Object.entries(labels).every(([name, value]) => (one.labels[name] ?? "") === value),
    );
  const look = async () => {
    const response = await fetch(`${prometheusUrl}/api/v1/alerts`, { signal: stopped.signal });
    const { data } = (await response.json()) as AlertsAnswer;
    const firing = data.alerts.filter(({ state }) => state === "firing");
    const keys = new Set(firing.map(({ labels }) => JSON.stringify(labels)));
    for (const one of seen) if (one.to === null && !keys.has(JSON.stringify(one.labels))) one.to = Date.now();
    const open = new Set(seen.filter(({ to }) => to === null).map(({ labels }) => JSON.stringify(labels)));
    for (const { labels } of firing) {
      if (open.has(JSON.stringify(labels))) continue;
      seen.push({ alert: labels["alertname"] ?? "", labels, from: Date.now(), to: null });
    }
  };
  const loop = async () => {
    while (!stopped.signal.aborted) {
      // It may be reloading.
      await look().catch(() => {});
      await sleep(250);
    }
  };
  const looping = loop();
  const until = async <T>(find: () => T | undefined, what: string, timeoutMs: number): Promise<T> => {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (Date.now() > end) throw new Error(`${what} within ${timeoutMs / 1000} s; seen: ${JSON.stringify(seen)}`);
      await sleep(50);
    }
  };
  return {
    /** Every alert that fired, in order. */
    seen: seen as readonly Firing[],
    /**
     * Resolves with the one that fires, with these labels among its own, "" for none; one that
     * fires already counts.
     */
    fires: (alert: string, labels: Labels = {}, timeoutMs = 60_000) =>
      until(
        () => current(alert, labels).find(({ to }) => to === null),
        `${alert} ${JSON.stringify(labels)} does not fire`,
        timeoutMs,
      ),
    /** Resolves with when it ended, unix time in milliseconds. */
    ends: (firing: Firing, timeoutMs = 60_000) =>
      until(() => firing.to ?? undefined, `${firing.alert} ${JSON.stringify(firing.labels)} does not end`, timeoutMs),
    [Symbol.asyncDispose]: async () => {
      stopped.abort();
      await looping;
    },
  };
}
