import type { IncomingMessage } from "node:http";
import { AnswerError } from "./status-error.ts";

/** One change of a container, as the engine tells it. */
export interface ContainerEvent {
  /** create, start, die, destroy, rename, health_status ...; what Docker says behind a colon or a space is cut off. */
  readonly action: string;
  /** 64 hex digits. */
  readonly fullId: string;
}

const actions = ["create", "start", "die", "stop", "restart", "pause", "unpause", "destroy", "rename", "oom", "update"];
/** `health_status` without its colon makes Docker match by prefix: "health_status: healthy" passes (daemon/events/filter.go). */
const filters = JSON.stringify({ type: ["container"], event: [...actions, "health_status"] });

/** Query of `GET /events`: from now on. What was missed before is told by a full list, never by the engine's ring of 256 events. */
export const eventsQuery = { filters } as const;

/** A line longer than this is no event. */
const maxLineBytes = 1 << 20;

/** Hands on each event of the stream; resolves when it ends, rejects when it breaks. Lines that tell of no container are passed over. */
export async function readEvents(stream: IncomingMessage, onEvent: (event: ContainerEvent) => void): Promise<void> {
  stream.setEncoding("utf8");
  let rest = "";
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxLineBytes) throw new AnswerError("its events are none");
    for (const line of lines) {
      const event = parseEvent(line);
      if (event) onEvent(event);
    }
  }
}

function parseEvent(line: string): ContainerEvent | null {
  if (line.trim() === "") return null;
  try {
    const { Action, Actor, id } = JSON.parse(line) as { Action?: unknown; Actor?: { ID?: unknown }; id?: unknown };
    const fullId = Actor?.ID ?? id;
    if (typeof Action !== "string" || typeof fullId !== "string" || !/^[0-9a-f]{64}$/.test(fullId)) return null;
    return { action: Action.replace(/[: ].*$/s, ""), fullId };
  } catch {
    return null;
  }
}
