import type { ReleaseCountFragment } from "../../../../generated/console.ts";
import { formatNumber } from "../../../../facts/format.ts";
import { toShortRelease } from "../../../../lib/short-release.ts";

/**
 * The releases that an error hit, most failures first: "only in deploy-0112" where all of its
 * workers are known and ran that one.
 */
export function Releases({ releases }: { readonly releases: readonly ReleaseCountFragment[] }) {
  const known = releases.filter(({ version }) => version !== null);
  const [first] = known;
  if (!first)
    return (
      <span class="none" title="The jobs name no worker, or no known container has the worker's host name">
        unknown
      </span>
    );
  const more = known.length - 2;
  return (
    <span title={releases.map(toText).join("\n")}>
      {releases.length === 1 && <span class="muted">only in </span>}
      <span class="code isolate">
        {known
          .slice(0, 2)
          .map(({ version }) => toShortRelease(version ?? ""))
          .join(", ")}
      </span>
      {more > 0 && <span class="muted"> +{more}</span>}
      {known.length < releases.length && <span class="none"> and unknown</span>}
    </span>
  );
}

function toText({ version, service, destination, env, count }: ReleaseCountFragment): string {
  const place = [service, destination ?? env?.toLowerCase()].filter(Boolean).join(" ");
  return `${version ?? "release unknown"}${place ? ` (${place})` : ""}: ${formatNumber(count)}`;
}

/** The part of a whole as a bar; its number stands beside it. */
export function Share({ count, of }: { readonly count: number; readonly of: number }) {
  return (
    <div class="share" aria-hidden="true">
      <span style={{ width: `${of === 0 ? 0 : Math.min(100, (count / of) * 100)}%` }} />
    </div>
  );
}
