import { toActionTone } from "../../../facts/audit.ts";
import { type AuditRowFragment, ConsoleAuditChainDocument, ConsoleAuditDocument } from "../../../generated/console.ts";
import { type JoinedAction, joinOutcomes } from "../data/actions.ts";
import { useFeed } from "../data/feed.ts";
import { failureOf, oldFromOf, useLive } from "../data/live.ts";
import type { FeedRow } from "../data/pages.ts";
import { href, params, setParams } from "../page/url.ts";
import { missingScope } from "../session/viewer.ts";
import { formatNumber, formatDuration, formatEnum, unknownText } from "../../../facts/format.ts";
import { useHeldTop } from "../parts/held.tsx";
import { Banner, Empty, FailureNotice, LastKnown, Skeleton } from "../parts/notice.tsx";
import { Older } from "../parts/older.tsx";
import { State } from "../parts/state.tsx";
import { Clock, Since } from "../parts/time.tsx";

/** Who did what, and whether the record of it is whole. */
export function Audit() {
  const missing = missingScope("ops:operate");
  return (
    <>
      <div class="heading">
        <h1>Audit</h1>
        {missing === null && <Chain />}
        {missing === null && (
          <div class="right">
            <input
              class="input"
              data-search
              type="search"
              aria-label="Filter the record"
              placeholder="who, what, reason …"
              value={params.value.get("q") ?? ""}
              onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
            />
          </div>
        )}
      </div>
      {missing === null ? (
        <Entries />
      ) : (
        <Banner tone="neutral">
          {missing}: the audit record shows who restarted, retried or discarded what, and from where.
        </Banner>
      )}
    </>
  );
}

/** Whether nobody changed the record. */
function Chain() {
  const state = useLive(ConsoleAuditChainDocument, {}, { everyMs: 10_000 }).value;
  const chain = state.data?.auditChain;
  const failure = failureOf(state, "auditChain");
  if (failure) return <State tone="neutral">not checked: {failure.message}</State>;
  if (!chain) return <span class="muted">checking the chain …</span>;
  const title = "Each entry holds the hash of the one before, so a changed, deleted or moved entry is detected";
  if (chain.ok === null) return <State tone="neutral">checking the chain</State>;
  if (!chain.ok)
    return (
      <span class="chain" role="alert">
        <State tone="bad" title={title}>
          the record has been changed{chain.problem === null ? "" : `: ${chain.problem}`}
        </State>
      </span>
    );
  const { firstSeq, lastSeq } = chain;
  return (
    <span class="chain">
      <State tone="ok" title={title}>
        the chain verifies
        {firstSeq !== null && lastSeq !== null && `: entries ${formatNumber(firstSeq)} to ${formatNumber(lastSeq)}`}
      </State>{" "}
      <span class="muted">
        checked <Since at={chain.checkedAt} suffix=" ago" />
        {firstSeq !== null && firstSeq > 1 && ". Older entries were removed."}
      </span>
    </span>
  );
}

function Entries() {
  const feed = useFeed(
    ConsoleAuditDocument,
    {},
    { first: 60, everyMs: 5000, toPage: ({ auditLog }) => auditLog, toTime: ({ seq }) => seq },
  );
  const failure = failureOf(feed.head, "auditLog");
  const text = (params.value.get("q") ?? "").toLowerCase();
  const env = params.value.get("env")?.toLowerCase();
  const all =
    feed.rows && joinOutcomes(feed.rows.map(({ node }) => node)).map((node) => ({ cursor: String(node.seq), node }));
  const rows = all?.filter(({ node: { entry } }) => (!env || entry.env === env) && toText(entry).includes(text));
  if (!rows) return failure ? <FailureNotice failure={failure} what="Audit record" /> : <Skeleton rows={8} />;
  return (
    <>
      <FailureNotice failure={failure} what="Audit record" />
      {rows.length === 0 ? (
        <Empty>
          {all?.length
            ? `None of the ${formatNumber(all.length)} loaded actions matches.`
            : "No actions that this token may see."}
        </Empty>
      ) : (
        <LastKnown from={oldFromOf(feed.head, "auditLog")}>
          <ActionRows all={rows} />
        </LastKnown>
      )}
      <Older feed={feed} what="entries" />
    </>
  );
}

function ActionRows({ all }: { readonly all: readonly FeedRow<ActionRow>[] }) {
  const { rows, button, box } = useHeldTop(all, ({ seq }) => seq);
  return (
    <div class="feed" ref={box}>
      {button}
      <ul>
        {rows.map(({ cursor, node }) => (
          <ActionItem key={cursor} row={node} />
        ))}
      </ul>
    </div>
  );
}

type ActionRow = JoinedAction<AuditRowFragment>;

function toText(entry: AuditRowFragment): string {
  return Object.values(entry).flat().join(" ").toLowerCase();
}

const actions: Readonly<Record<string, string>> = {
  restart: "restarted",
  probe: "ran the health check of",
  "job.retry": "retried",
  "job.discard": "discarded",
  "job.retry_group": "retried",
  "job.discard_group": "discarded",
};

const outcomes: Readonly<Record<string, string>> = {
  ok: "done",
  failed: "failed",
  unknown: "outcome unknown",
  intent: "no outcome yet",
};

function ActionItem({ row: { seq, entry } }: { readonly row: ActionRow }) {
  return (
    <li class="action-row">
      <span class="when" title={`Entry ${seq}${entry.intent === null ? "" : `, outcome ${entry.seq}`}`}>
        <Clock at={entry.at} />
      </span>
      <State tone={toActionTone(entry.outcome)} title={outcomeTitle(entry)}>
        {outcomes[entry.outcome] ?? entry.outcome}
      </State>
      <div class="what">
        <p>
          <span class="strong isolate" title={`Token ${entry.kid}, signed in by ${entry.auth ?? "unknown"}`}>
            {entry.subject}
            {entry.agent && ` with ${entry.agent}`}
          </span>{" "}
          {actions[entry.action] ?? entry.action} <Target entry={entry} />
          {entry.reason !== null && (
            <>
              {": "}
              <q class="isolate">{entry.reason}</q>
            </>
          )}
        </p>
        {entry.outcome !== "ok" && entry.outcome !== "intent" && (
          <p class={entry.outcome === "failed" ? "bad" : "muted"}>
            <span class="isolate">{toDetail(entry)}</span>{" "}
            {entry.code !== null && <code class="muted">{entry.code}</code>}
          </p>
        )}
        <p class="muted more">
          <span title="Environment of the entry; only its tokens see it">{entry.env ?? "no environment"}</span>
          <span title="The client's address">{entry.ip ?? unknownText}</span>
          <span title="Time from the intent to the outcome">
            {entry.durationMs === null ? "" : `took ${formatDuration(entry.durationMs / 1000)}`}
          </span>
          {entry.outcome === "ok" && entry.detail !== null && <span title="Detail of the outcome">{entry.detail}</span>}
          <code class="cut" title="The request's id, as in the X-Request-Id of the response">
            {entry.requestId}
          </code>
        </p>
      </div>
    </li>
  );
}

function outcomeTitle({ outcome, dockerStatus }: AuditRowFragment): string | undefined {
  if (outcome === "intent") return "The action is still running, or its process ended before it saw the outcome";
  return dockerStatus === null ? undefined : `The engine answered ${dockerStatus}`;
}

/** The detail of an outcome without its code, which stands beside it. */
function toDetail({ code, detail }: AuditRowFragment): string {
  const words = code !== null && detail?.startsWith(`${code}: `) ? detail.slice(code.length + 2) : detail;
  return words || formatEnum(code ?? "no detail");
}

/** What was acted on, with where it leads. */
function Target({
  entry: { containerName, engine, jobIds, jobQueue, jobSource },
}: {
  readonly entry: AuditRowFragment;
}) {
  if (containerName)
    return (
      <>
        <a data-row-link class="link isolate" href={href("/container", { name: containerName, engine })}>
          {containerName}
        </a>
        <span class="muted"> on {engine}</span>
      </>
    );
  const [first] = jobIds;
  // Only a change of an error group has more than one.
  const jobs =
    jobIds.length === 1 && first !== undefined ? `job ${first}` : `${formatNumber(jobIds.length)} failed jobs`;
  const address =
    jobIds.length === 1
      ? href("/job", { source: jobSource, id: first })
      : jobQueue === null
        ? href("/queues")
        : href("/queue", { name: jobQueue, source: jobSource });
  return (
    <>
      <a data-row-link class="link isolate" href={address} title={jobIds.join(", ")}>
        {jobs}
      </a>
      <span class="muted isolate">
        {" "}
        of {jobQueue ?? jobSource} {jobQueue !== null && `in ${jobSource}`}
      </span>
    </>
  );
}
