import {
  deployMeanings,
  deployNumbers,
  deployOrigins,
  toDeployTone,
  toOutcomeTone,
  toVerdictLabel,
} from "../../../facts/deploy.ts";
import { formatFact } from "../../../facts/number.ts";
import { toServicePlace } from "../../../facts/container.ts";
import {
  ConsoleDeployPageDocument,
  ConsoleVerdictsDocument,
  type ConsoleVerdictsQuery,
  type DeployRowFragment,
} from "../../../generated/console.ts";
import { useFeed } from "../data/feed.ts";
import { failureOf, oldFromOf, useLive } from "../data/live.ts";
import type { FeedRow } from "../data/pages.ts";
import { href, params, setParams } from "../page/url.ts";
import { useEnv } from "../data/usage.ts";
import { DriftSection } from "../parts/deploys/drift.tsx";
import { formatEnum, unknownText } from "../../../facts/format.ts";
import { useHeldTop } from "../parts/held.tsx";
import { useIsNarrow } from "../parts/list.tsx";
import { Empty, FailureNotice, LastKnown, Skeleton } from "../parts/notice.tsx";
import { Older } from "../parts/older.tsx";
import { toShortRelease } from "../../../lib/short-release.ts";
import { State } from "../parts/state.tsx";
import { Since } from "../parts/time.tsx";

type Verdicts = ReadonlyMap<string, NonNullable<NonNullable<ConsoleVerdictsQuery["latestDeploys"]>[number]["verdict"]>>;

/** Every known deploy, with its outcome. */
export function Deploys() {
  const env = useEnv();
  const feed = useFeed(
    ConsoleDeployPageDocument,
    { env },
    { first: 30, everyMs: 5000, toPage: ({ deploys }) => deploys, toTime: ({ deployedAt }) => Date.parse(deployedAt) },
  );
  const latest = useLive(ConsoleVerdictsDocument, {}, { everyMs: 20_000 }).value.data;
  const verdicts: Verdicts = new Map(
    (latest?.latestDeploys ?? []).flatMap(({ id, verdict }) => (verdict ? [[id, verdict] as const] : [])),
  );
  const text = (params.value.get("q") ?? "").toLowerCase();
  const destination = params.value.get("destination");
  const failure = failureOf(feed.head, "deploys");
  const rows = feed.rows?.filter(
    ({ node: row }) =>
      (!destination || row.destination === destination) &&
      [row.tag, row.commitSha, row.service, row.deployedBy, row.state].join(" ").toLowerCase().includes(text),
  );
  return (
    <>
      <div class="heading">
        <h1>Deploys</h1>
        <div class="right">
          <input
            class="input"
            data-search
            type="search"
            aria-label="Filter deploys"
            placeholder="release, commit, who …"
            value={params.value.get("q") ?? ""}
            onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
          />
        </div>
      </div>
      <DriftSection />
      <section class="section">
        <header>
          <h2>History</h2>
          <span class="muted">newest first; with the verdict of the newest deploy of each service and destination</span>
        </header>
        <FailureNotice failure={failure} what="Deploys" />
        {rows ? (
          <LastKnown from={oldFromOf(feed.head, "deploys")}>
            <DeployRows rows={rows} verdicts={verdicts} isFiltered={text !== ""} />
          </LastKnown>
        ) : failure ? null : (
          <Skeleton rows={8} />
        )}
        <Older feed={feed} what="deploys" />
      </section>
    </>
  );
}

interface DeployRowsProps {
  readonly rows: readonly FeedRow<DeployRowFragment>[];
  readonly verdicts: Verdicts;
  readonly isFiltered: boolean;
}

function DeployRows({ rows: all, verdicts, isFiltered }: DeployRowsProps) {
  const { rows, button, box } = useHeldTop(all, ({ deployedAt }) => Date.parse(deployedAt));
  return (
    <div class="feed" ref={box}>
      {button}
      <DeployList rows={rows} verdicts={verdicts} isFiltered={isFiltered} />
    </div>
  );
}

function DeployList({ rows, verdicts, isFiltered }: DeployRowsProps) {
  const isNarrow = useIsNarrow();
  if (rows.length === 0)
    return (
      <Empty>
        {isFiltered
          ? "No loaded deploy matches the filter."
          : "No deploys found in deploy_history.jsonl, deploy_info.json, Kamal's audit log or the containers."}
      </Empty>
    );
  return (
    <table class="table deploy-list">
      <thead>
        <tr>
          <th scope="col">release</th>
          <th scope="col">state</th>
          <th scope="col" class="wide-only" title="Whether this release is worse than the one before">
            verdict
          </th>
          <th scope="col" class="wide-only" title="Service, and Kamal's destination or the environment">
            where
          </th>
          <th scope="col" class="wide-only" title="Who deployed this release">
            by
          </th>
          <th scope="col" class="wide-only" title="Kamal's command">
            command
          </th>
          <th scope="col" class="number wide-only" title={deployNumbers.durationSeconds.about}>
            {deployNumbers.durationSeconds.label}
          </th>
          <th scope="col" class="number" title="When the deploy ended">
            ago
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ node: row }) => (
          <tr key={row.id}>
            <td>
              <a data-row-link class="code isolate" href={href("/deploy", { id: row.id })} title={row.tag}>
                {isNarrow ? toShortRelease(row.tag) : row.tag}
              </a>
            </td>
            <td>
              {isNarrow && isSaidByVerdict(row, verdicts.get(row.id)) ? (
                <VerdictCell verdict={verdicts.get(row.id)} id={row.id} />
              ) : (
                <State tone={toDeployTone(row.state)} title={deployMeanings[row.state]}>
                  {formatEnum(row.state)}
                </State>
              )}
            </td>
            <td class="wide-only">
              <VerdictCell verdict={verdicts.get(row.id)} id={row.id} />
            </td>
            <td class="wide-only muted isolate">{toServicePlace(row) || unknownText}</td>
            <td class="wide-only isolate" title={row.deployedBy ?? undefined}>
              {row.deployedBy ?? <span class="none">unknown</span>}
            </td>
            <td class="wide-only muted" title={`From ${deployOrigins[row.origin]}`}>
              {row.command ?? <span class="none">{unknownText}</span>}
            </td>
            <td class="number wide-only">{formatFact(deployNumbers.durationSeconds, row.durationSeconds)}</td>
            <td class="number">
              <Since at={row.deployedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/**
 * If there is room for one word only: for the current deploy its verdict, which says more than that
 * it runs; for others the verdict only if it is worse.
 */
function isSaidByVerdict({ state }: DeployRowFragment, verdict: ReturnType<Verdicts["get"]>): boolean {
  return verdict !== undefined && (toDeployTone(state) === "ok" || verdict.outcome === "REGRESSED");
}

function VerdictCell({ verdict, id }: { readonly verdict: ReturnType<Verdicts["get"]>; readonly id: string }) {
  if (!verdict)
    return (
      <a class="muted" href={href("/deploy", { id })} title="Open the deploy to see its verdict">
        on its page
      </a>
    );
  return (
    <State tone={toOutcomeTone(verdict.outcome)} title={verdict.reasons.join("; ") || undefined}>
      {toVerdictLabel(verdict)}
    </State>
  );
}
