import type { ComponentChildren } from "preact";
import type { TimelineRowFragment } from "../../../../generated/console.ts";
import { href } from "../../page/url.ts";
import { formatClock, formatLocalTime } from "../../../../facts/format.ts";
import { Shape, toQueueTone, type Tone } from "../state.tsx";

type Entry = TimelineRowFragment;

/** The kinds of the feed, with their words. */
export const kinds = {
  DEPLOY: "deploy",
  RESTART: "restart",
  CONTAINER_DEATH: "container end",
  OOM_KILL: "out of memory",
  HEALTH: "health",
  QUEUE_STATE: "queue",
  HOST_ALERT: "host",
  GAP: "gap",
} as const satisfies Readonly<Record<Entry["kind"], string>>;

function toTone({ kind, to, requested, exitCode, message }: Entry): Tone {
  const word = to?.toUpperCase() ?? "";
  if (kind === "OOM_KILL") return "bad";
  if (kind === "GAP") return "unknown";
  if (kind === "QUEUE_STATE") return toQueueTone(word);
  if (kind === "HOST_ALERT") return word === "DOWN" ? "bad" : word === "ALERT" ? "warn" : "ok";
  if (kind === "HEALTH") return word === "HEALTHY" ? "ok" : word === "UNHEALTHY" ? "bad" : "unknown";
  if (kind === "RESTART") return word === "FAILED" ? "bad" : word === "UNKNOWN" ? "unknown" : "ok";
  if (kind === "CONTAINER_DEATH") return requested || exitCode === 0 ? "unknown" : "bad";
  return message.endsWith("(failed)") ? "bad" : "ok";
}

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

/** Links the name that the message is about. The whole message is the link where it does not say the name. */
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
      : `Between ${formatLocalTime(after)} and ${formatLocalTime(time)}: seen only while somebody asks`;
  const at = Date.parse(time);
  return (
    <li class="entry">
      <time dateTime={time} title={when}>
        {after === null ? "" : "~"}
        {formatClock(at)}
      </time>
      <Shape tone={toTone(entry)} />
      <span class="kind muted">{kinds[kind]}</span>
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
