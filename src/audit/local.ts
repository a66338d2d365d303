import { onceDone } from "../lib/cache.ts";
import { toHolder } from "../auth/principal.ts";
import type { AuditEntry, AuditLog, OpenIntent } from "./audit.ts";
import { createHourlyBudget, type HourlyBudget } from "./hourly-budget.ts";
import {
  type ActionFacts,
  type ActionFamily,
  type ActionLimits,
  type ActionSubject,
  answerMs,
  type AskedAction,
  decide,
  type Decision,
  type EarlierAction,
  isAmendable,
  isFinal,
  judgeKey,
  type Ledger,
  type NotBegun,
  type OpenAction,
  toAnswerKey,
  toBusyMs,
  toFamily,
} from "./ledger.ts";
import { toGranted } from "./line.ts";

interface LocalLedgerOptions {
  readonly audit: AuditLog;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
}

/** How many answers are remembered: the oldest ones go first. */
const mostAnswers = 1000;
/** How long the end of a container's last restart is remembered, ms: longer than any cooldown. */
const endedMs = 3_600_000;

/**
 * The ledger of a gateway that is alone: no other process writes its record, so that what limits an
 * action is in its memory. The open actions and the keys of the last day come from the record at
 * first, and so do the cooldowns and budgets of the last hour.
 */
export function createLocalLedger({ audit, now = () => performance.now() }: LocalLedgerOptions): Ledger {
  /**
   * With the time until which each one blocks others, by our clock. An action that an earlier
   * process left blocks them as long as its engine may be working on it.
   */
  const open = new Map<AuditEntry, number>();
  /** By container: when its last restart ended. */
  const ended = new Map<string, number>();
  const budgets = new Map<ActionFamily, HourlyBudget>();
  /** What earlier processes took of budgets, oldest first. */
  let taken: readonly {
    readonly family: ActionFamily;
    readonly holder: string;
    readonly at: number;
    readonly count: number;
  }[] = [];
  const answers = new Map<string, EarlierAction & { readonly at: number }>();
  /** Intents by their key while they are written: an equal one that comes meanwhile waits. */
  const writing = new Map<string, Promise<unknown>>();
  let unfinished: readonly OpenIntent[] = [];

  /**
   * A time of the record by our clock. A time in the future means that the clock was set back
   * since.
   */
  const toNow = (time: string) => now() - Math.max(0, Date.now() - Date.parse(time));
  const recover = onceDone(async () => {
    const found = await audit.recover();
    for (const { intent, outcome } of found.keyed) keep({ seq: intent.seq, entry: intent }, outcome, toNow(intent.at));
    for (const end of found.limiting) if (end.outcome !== "intent") ended.set(end.containerId, toNow(end.at));
    taken = found.limiting.flatMap((intent) => {
      const count = toGranted(intent);
      return count === 0 ? [] : { family: toFamily(intent), holder: toHolder(intent), at: toNow(intent.at), count };
    });
    // Else the event of a new restart would be taken for that of an open one.
    for (const { intent } of found.open) open.set(intent, toNow(intent.at) + toBusyMs(intent));
    unfinished = found.open;
  });
  const keep = ({ seq, entry }: OpenAction, outcome: EarlierAction["outcome"], at: number) => {
    const key = toAnswerKey(entry);
    if (key === null) return;
    answers.delete(key);
    answers.set(key, { seq, entry, outcome, at });
    if (answers.size > mostAnswers) answers.delete(answers.keys().next().value as string);
  };
  const find = (entry: AuditEntry): NotBegun | null => {
    const key = toAnswerKey(entry);
    const known = key === null ? undefined : answers.get(key);
    return known && now() - known.at < answerMs ? judgeKey(known, entry) : null;
  };
  const budgetOf = (family: ActionFamily, perHour: number): HourlyBudget => {
    const known = budgets.get(family);
    if (known) return known;
    const budget = createHourlyBudget(perHour, now);
    for (const one of taken) if (one.family === family) budget.take(one.holder, one.count, one.at);
    budgets.set(family, budget);
    return budget;
  };
  const factsOf = (subject: ActionSubject, { budget }: ActionLimits): ActionFacts => {
    const family = toFamily(subject);
    const others = [...open].flatMap(([one, until]) => (toFamily(one) === family && until > now() ? one : []));
    const endedAt = ended.get(subject.containerId);
    return {
      isRunning: others.some(({ containerId }) => containerId === subject.containerId),
      open: others.length,
      restedMs: endedAt === undefined ? null : now() - endedAt,
      left: budget && budgetOf(family, budget.perHour).left(toHolder(subject)),
    };
  };
  const close = (entry: AuditEntry, happened: boolean) => {
    if (open.delete(entry) && happened && toFamily(entry) === "restart") rest(entry);
  };
  const rest = (entry: AuditEntry) => {
    for (const [id, at] of ended) if (at + endedMs < now()) ended.delete(id);
    ended.set(entry.containerId, now());
  };
  const checkWritable = async () => {
    await audit.check();
    // Taking the record over makes its file, which a question must not do.
    if ((await audit.head()).seq > 0) await recover();
  };
  const begin = async ({ limits, toEntry }: AskedAction): Promise<Decision> => {
    await recover();
    const wanted = limits.budget?.wanted ?? 0;
    const asked = toEntry(wanted);
    const known = find(asked);
    if (known) return known;
    const key = toAnswerKey(asked);
    const twin = key !== null && writing.get(key);
    if (twin) return twin.then(() => begin({ limits, toEntry }));
    const decided = decide(factsOf(asked, limits), limits);
    if (!("granted" in decided)) return { kind: "refused", refusal: decided };
    const { granted } = decided;
    const entry = granted === wanted ? asked : toEntry(granted);
    const [budget, holder] = [limits.budget && budgetOf(toFamily(entry), limits.budget.perHour), toHolder(entry)];
    // Taken before it is recorded: others may ask meanwhile.
    open.set(entry, Number.POSITIVE_INFINITY);
    budget?.take(holder, granted);
    try {
      const written = audit.write(entry, granted);
      if (key !== null)
        writing.set(
          key,
          written.catch(() => null),
        );
      const action = { seq: await written, entry };
      keep(action, null, now());
      return { kind: "begun", ...action, isHeld: () => true };
    } catch (error) {
      open.delete(entry);
      budget?.giveBack(holder, granted);
      throw error;
    } finally {
      if (key !== null) writing.delete(key);
    }
  };

  return {
    read: (query) => audit.read(query),
    verify: () => audit.verify(),
    head: () => audit.head(),
    find: async (entry) => {
      await recover();
      return find(entry);
    },
    begin,
    tryWriting: checkWritable,
    async check(subject, limits) {
      await checkWritable();
      const decided = decide(factsOf(subject, limits), limits);
      return "granted" in decided ? null : decided;
    },
    async end(action, outcome) {
      const { entry, seq } = action;
      try {
        await audit.write({ ...entry, ...outcome, intent: seq });
      } finally {
        // It has happened, even if that cannot be recorded yet.
        const known = answers.get(toAnswerKey(entry) ?? "");
        if (known?.seq === seq) keep(action, outcome, known.at);
        if (isFinal({ ...entry, ...outcome })) close(entry, outcome.outcome !== "failed");
      }
    },
    async amend(action, outcome) {
      const { entry, seq } = action;
      if (!(await isAmendable(action, (query) => audit.read(query)))) return false;
      await audit.write({ ...entry, ...outcome, intent: seq });
      const known = answers.get(toAnswerKey(entry) ?? "");
      if (known?.seq === seq) keep(action, outcome, known.at);
      rest(entry);
      return true;
    },
    release: ({ entry }) => close(entry, true),
    async adopt(family, accepts = async () => true) {
      await recover();
      const theirs = unfinished.filter(({ intent }) => toFamily(intent) === family);
      unfinished = unfinished.filter(({ intent }) => toFamily(intent) !== family);
      const accepted = await Promise.all(theirs.map(accepts));
      unfinished = [...unfinished, ...theirs.filter((_, index) => !accepted[index])];
      const ours = theirs.filter((_, index) => accepted[index]);
      for (const { intent } of ours) open.set(intent, Number.POSITIVE_INFINITY);
      return ours;
    },
  };
}
