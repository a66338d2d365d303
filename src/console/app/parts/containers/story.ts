import type {
  ConsoleContainerTimelineQuery,
  ContainerRecordFragment,
  ContainerRowFragment,
} from "../../../../generated/console.ts";

export type StoryEntry = NonNullable<ConsoleContainerTimelineQuery["timeline"]>["nodes"][number];

/** What happened to one container, and when its engine was out of contact; in the order given. */
export function storyOf(entries: readonly StoryEntry[], name: string, engine: string): readonly StoryEntry[] {
  return entries.filter((entry) => entry.engine === engine && (entry.container === name || entry.kind === "GAP"));
}

/**
 * Since when a container is in its state, RFC 3339: its newest change of health, or its end; else
 * when it started. Null when that is not known, as of a pause.
 * @param story newest first
 */
export function findStateSince(
  { status, startedAt }: Pick<ContainerRowFragment, "status" | "startedAt">,
  story: readonly StoryEntry[],
): string | null {
  if (status === "running") {
    const change = story.find(
      ({ kind, time }) => kind === "HEALTH" && (!startedAt || Date.parse(time) >= Date.parse(startedAt)),
    );
    return change?.time ?? startedAt;
  }
  return (status !== "paused" && story.find(({ kind }) => kind === "CONTAINER_DEATH")?.time) || null;
}

/** An action with its outcome, as the record has them in two entries. */
export interface RecordedAction {
  readonly seq: number;
  readonly at: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
  /** `ok`, `failed`, `unknown`, or `running` before there is one. */
  readonly outcome: string;
  readonly detail: string | null;
  readonly durationMs: number | null;
}

/**
 * The actions on a container, newest first: intents with their last outcome. An outcome whose
 * intent is on an older page stands for itself.
 */
export function pairRecords(
  entries: readonly ContainerRecordFragment[],
  name: string,
  engine: string,
): readonly RecordedAction[] {
  const own = entries.filter((entry) => entry.containerName === name && entry.engine === engine);
  const outcomes = new Map<number, ContainerRecordFragment>();
  for (const entry of own.toSorted((one, other) => one.seq - other.seq))
    if (entry.intent !== null) outcomes.set(entry.intent, entry);
  const intents = own.filter(({ intent }) => intent === null);
  const known = new Set(intents.map(({ seq }) => seq));
  const alone = [...outcomes.values()].filter(({ intent }) => intent !== null && !known.has(intent));
  return [...intents, ...alone]
    .toSorted((one, other) => other.seq - one.seq)
    .map((entry) => {
      const { seq, at, action, subject, reason } = entry;
      const end = entry.intent === null ? outcomes.get(seq) : entry;
      return {
        seq,
        at,
        action,
        subject,
        reason,
        outcome: end?.outcome ?? "running",
        detail: end?.detail ?? null,
        durationMs: end?.durationMs ?? null,
      };
    });
}
