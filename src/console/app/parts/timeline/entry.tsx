import type { ComponentChildren } from "preact";
import type { TimelineRowFragment } from "../../../../generated/console.ts";
import { href } from "../../page/url.ts";
import { formatClock, formatLocalTime } from "../../../../facts/format.ts";
import { timelineKinds, toEntryTone } from "../../../../facts/timeline.ts";
import { Shape } from "../state.tsx";

type Entry = TimelineRowFragment;

/** What an entry is about, as the text of its message and where that leads. */
function toTarget({
  kind,
  container,
  engine,
  queue,
  source,
  host,
  to,
  service,
  time,
}: Entry): readonly [string, string] | null {
  if (kind === "DEPLOY" && to !== null) return [to, href("/deploy", { tag: to, service, at: time })];
  if (container !== null) return [container, href("/container", { name: container, engine })];
  if (queue !== null) return [queue, href("/queue", { name: queue, source })];
  if (host !== null) return [host, href("/host", { name: host })];
  return null;
}

/**
 * Links the name that the message is about. The whole message is the link where it does not say the
 * name.
 */
function Message({ entry }: { readonly entry: Entry }): ComponentChildren {
  const target = toTarget(entry);
  if (!target) return entry.message;
  const [name, address] = target;
  const start = entry.message.indexOf(name);
  const link = (text: string) => (
    <a data-row-link class="isolate" href={address}>
      {text}
    </a>
  );
  if (start < 0) return link(entry.message);
  return (
    <>
      {entry.message.slice(0, start)}
      {link(name)}
      {entry.message.slice(start + name.length)}
    </>
  );
}

/** One line of the feed. */
export function EntryRow({ entry }: { readonly entry: Entry }) {
  const { time, after, kind, env, role, engine } = entry;
  const when =
    after === null
      ? formatLocalTime(time)
      : `Between ${formatLocalTime(after)} and ${formatLocalTime(time)}: sampled only while the gateway is in use`;
  const at = Date.parse(time);
  return (
    <li class="entry">
      <time dateTime={time} title={when}>
        {after === null ? "" : "~"}
        {formatClock(at)}
      </time>
      <Shape tone={toEntryTone(entry)} />
      <span class="kind muted">{timelineKinds[kind]}</span>
      <span class="message isolate">
        <Message entry={entry} />
        {role !== null && entry.container !== null && kind !== "RESTART" && (
          <a
            class="muted log wide-only"
            href={href("/logs", { name: entry.container, engine, at: time })}
            title="The log of this container at that moment"
          >
            log
          </a>
        )}
      </span>
      <span class="muted wide-only nowrap">{[env?.toLowerCase(), engine].filter(Boolean).join(" · ")}</span>
    </li>
  );
}
