import { toActionTone } from "../../../../facts/audit.ts";
import { toEntryTone } from "../../../../facts/timeline.ts";
import { useMemo } from "preact/hooks";
import { ConsoleContainerAuditDocument } from "../../../../generated/console.ts";
import { failureOf, useLive } from "../../data/live.ts";
import { href } from "../../page/url.ts";
import { missingScope } from "../../session/viewer.ts";
import { formatDuration } from "../../../../facts/format.ts";
import { Banner, Empty, FailureNotice, Skeleton } from "../notice.tsx";
import { Shape } from "../state.tsx";
import { Clock, Since } from "../time.tsx";
import { pairRecords, type StoryEntry } from "./story.ts";

const shownEntries = 12;

interface StoryProps {
  /** Newest first; null before the answer. */
  readonly story: readonly StoryEntry[] | null;
  /** Since when deaths and changes of health are known, RFC 3339. */
  readonly since: string | null;
}

/** What happened to a container. */
export function Story({ story, since }: StoryProps) {
  return (
    <section class="section">
      <header>
        <h2>What happened</h2>
        <a class="link right" href={href("/timeline")}>
          Timeline
        </a>
      </header>
      {story === null && <Skeleton rows={3} />}
      {story?.length === 0 && <Empty>No exit, restart or change of health has been recorded.</Empty>}
      <ul class="entries">
        {story?.slice(0, shownEntries).map((entry) => (
          <li key={`${entry.time} ${entry.kind}`}>
            <Shape tone={toEntryTone(entry)} />
            <Clock at={entry.time} />
            <span class="what isolate">{toStoryText(entry)}</span>
            <span class="muted">
              <Since at={entry.time} />
            </span>
          </li>
        ))}
      </ul>
      {story && story.length > shownEntries && <p class="muted">and {story.length - shownEntries} earlier</p>}
      {since !== null && (
        <p class="muted">
          Exits and changes of health have been recorded for <Since at={since} />.
        </p>
      )}
    </section>
  );
}

/** Without the container's name, which the screen has as its title. */
function toStoryText({ message, container }: StoryEntry): string {
  if (!container || !message.startsWith(`${container} `)) return message;
  return message.slice(container.length + 1);
}

const shownPage = 100;

/** The entries of the audit record about a container. */
export function Record({ name, engine }: { readonly name: string; readonly engine: string }) {
  const missing = missingScope("ops:operate");
  const state = useLive(
    ConsoleContainerAuditDocument,
    { first: shownPage },
    { everyMs: 10_000, skip: missing !== null },
  ).value;
  const log = state.data?.auditLog;
  const actions = useMemo(() => (log ? pairRecords(log.nodes, name, engine) : null), [log, name, engine]);
  return (
    <section class="section">
      <header>
        <h2>Actions</h2>
        <a class="link right" href={href("/audit")}>
          Audit record
        </a>
      </header>
      {missing !== null && <Banner tone="neutral">{missing}: only those who may act can see who did what.</Banner>}
      <FailureNotice failure={failureOf(state, "auditLog")} what="The audit record" />
      {actions === null && missing === null && !failureOf(state, "auditLog") && <Skeleton rows={3} />}
      {actions?.length === 0 && (
        <Empty>
          {log?.pageInfo.hasNextPage
            ? `None in the newest ${shownPage} entries of the audit record.`
            : "Nobody has restarted or checked this container through this gateway."}
        </Empty>
      )}
      <ul class="entries">
        {actions?.map(({ seq, at, action, subject, reason, outcome, detail, durationMs }) => (
          <li key={seq}>
            <Shape tone={toActionTone(outcome)} />
            <Clock at={at} />
            <span class="what isolate">
              {action} by <b>{subject}</b>: {outcome}
              {outcome !== "ok" && detail ? ` (${detail})` : ""}
              {durationMs !== null && <span class="muted"> in {formatDuration(durationMs / 1000)}</span>}
              <br />
              <span class="muted">{reason ?? "no reason given"}</span>
            </span>
            <span class="muted">
              <Since at={at} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
