import { findRemedy } from "../../../facts/error.ts";
import type { Tone } from "../../../facts/tone.ts";
import { passesByItself } from "../../../lib/errors.ts";
import type { ComponentChildren } from "preact";
import type { Failure } from "../data/client.ts";
import { Shape } from "./state.tsx";
import { Since } from "./time.tsx";

/** A line across the screen: what is wrong, and what still works. */
export function Banner({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <p class={`banner ${tone}`} role="status">
      <Shape tone={tone} />
      <span>{children}</span>
    </p>
  );
}

/** What still works although a part has failed. */
const stillWorks: Readonly<Record<string, string>> = {
  prometheus_unavailable: "Containers and queues do not need Prometheus.",
  deploy_info_invalid: "Releases are still known from the containers.",
  deploy_info_unreadable: "Releases are still known from the containers.",
};

function toAdvice(code: string): string {
  return stillWorks[code] ?? (passesByItself(code) ? "Retrying ..." : (findRemedy(code) ?? ""));
}

/** What could not be read, why, and what still works. */
export function FailureNotice({
  failure,
  what,
}: {
  readonly failure: Failure | null | undefined;
  readonly what: string;
}) {
  if (!failure) return null;
  return (
    <Banner tone={failure.code === "forbidden" ? "neutral" : "bad"}>
      {what}: {failure.message}. {toAdvice(failure.code)} <code class="muted">{failure.code}</code>
    </Banner>
  );
}

interface LastKnownProps {
  /** The time of the data, unix ms; null when it is current. */
  readonly from: number | null;
  readonly children: ComponentChildren;
}

/** Data that could not be read again stays, dimmed, under a line with its age. */
export function LastKnown({ from, children }: LastKnownProps) {
  return (
    <div class={from === null ? undefined : "stale"}>
      {from !== null && (
        <p>
          As of <Since at={from} suffix=" ago" />:
        </p>
      )}
      {children}
    </div>
  );
}

/** Placeholders for rows that are on their way, with the height of rows, so that nothing jumps. */
export function Skeleton({ rows = 3 }: { readonly rows?: number }) {
  return (
    <div role="status" aria-label="loading">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} class="skeleton-row">
          <span class={`skeleton w${(index % 3) + 1}`} />
        </div>
      ))}
    </div>
  );
}

/** A list without rows says why it has none. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
