import { toServicePlace } from "../../../../facts/container.ts";
import { deployOrigins, formatDrift, toDriftTone } from "../../../../facts/deploy.ts";
import { type ConsoleDriftQuery, ConsoleDriftDocument } from "../../../../generated/console.ts";
import { containers } from "../../data/containers.ts";
import { failureOf, useLive } from "../../data/live.ts";
import { href, params } from "../../page/url.ts";
import { useEnv } from "../../data/usage.ts";
import { formatNumber } from "../../../../facts/format.ts";
import { FailureNotice, Skeleton } from "../notice.tsx";
import { Release } from "../release.tsx";
import { Shape, State } from "../state.tsx";

type DriftRow = NonNullable<ConsoleDriftQuery["drift"]>[number];
type LogRow = NonNullable<ConsoleDriftQuery["deployLogs"]>[number];

/** What runs and is not what the last deploy should have left. */
export function DriftSection() {
  const state = useLive(ConsoleDriftDocument, { env: useEnv() }, { everyMs: 5000 }).value;
  const destination = params.value.get("destination");
  const rows = state.data?.drift?.filter(
    (row) => !destination || row.destination === null || row.destination === destination,
  );
  return (
    <>
      <section class="section first">
        <header>
          <h2>Drift</h2>
          <span class="muted">containers that do not match the last deploy</span>
        </header>
        <FailureNotice failure={failureOf(state, "drift")} what="Drift" />
        {rows === undefined ? (
          failureOf(state, "drift") ? null : (
            <Skeleton rows={1} />
          )
        ) : rows.length === 0 ? (
          <p class="all-well">
            {isAnythingCompared(state.data?.deployLogs) ? (
              <State tone="ok">Every container matches the last deploy</State>
            ) : (
              <State tone="neutral">Nothing to compare: no container of the product runs here</State>
            )}
          </p>
        ) : (
          <ul class="drift">
            {rows
              .toSorted((one, other) => Number(one.settling) - Number(other.settling))
              .map((row) => (
                <DriftItem key={`${row.kind} ${row.engine} ${row.service} ${row.destination} ${row.role}`} row={row} />
              ))}
          </ul>
        )}
      </section>
      <LogSources logs={state.data?.deployLogs} />
    </>
  );
}

/**
 * Whether there is a container of the product, or, where those are not known, a recorded deploy.
 */
function isAnythingCompared(logs: readonly LogRow[] | null | undefined): boolean {
  return containers.value?.some(({ kind }) => kind === "CORE") ?? logs?.some(({ deploys }) => deploys > 0) ?? false;
}

function DriftItem({ row }: { readonly row: DriftRow }) {
  const tone = toDriftTone(row);
  return (
    <li class={row.settling ? "muted" : ""}>
      <Shape tone={tone} />
      <span class="kind">{formatDrift(row)}</span>
      <span
        class="message isolate"
        title={row.settling ? "A container was created or started less than five minutes ago" : undefined}
      >
        {row.message}
      </span>
      <span class="wide-only muted nowrap">
        {row.expected !== null && (
          <>
            should be <Release version={row.expected} />
          </>
        )}
      </span>
      <span class="links">
        {row.containers.slice(0, 1).map(({ id, name, engine }) => (
          <a key={id} class="link cut isolate" href={href("/container", { name, engine })} title={name}>
            {name}
          </a>
        ))}
        {row.containers.length > 1 && (
          <a class="link nowrap" href={href("/containers", { role: row.role })}>
            and {row.containers.length - 1} more
          </a>
        )}
        {row.containers.length === 0 && <span class="muted">{toServicePlace(row)}</span>}
      </span>
    </li>
  );
}

/** Where the list of deploys comes from, and what it lacks. */
function LogSources({ logs }: { readonly logs: readonly LogRow[] | null | undefined }) {
  if (!logs) return null;
  const words = ({ origin, complete, deploys, skipped, error }: LogRow) => {
    if (error) return `${deployOrigins[origin]} cannot be read: ${error.message}`;
    const gaps = [
      complete ? null : "older lines were not read",
      skipped > 0 ? `${formatNumber(skipped)} invalid lines skipped` : null,
    ].filter(Boolean);
    return `${deployOrigins[origin]}: ${formatNumber(deploys)} ${deploys === 1 ? "deploy" : "deploys"}${gaps.map((gap) => `, ${gap}`).join("")}`;
  };
  return (
    <p class="sources muted">
      <span>Read from the containers and images</span>
      {logs.map((log) => (
        <span key={log.origin} class={log.error ? "bad" : log.complete && log.skipped === 0 ? "" : "warn"}>
          {words(log)}
        </span>
      ))}
    </p>
  );
}
