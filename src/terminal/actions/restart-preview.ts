import { formatState, toContainerState } from "../../facts/container.ts";
import { formatAge } from "../../facts/format.ts";
import { describePeers, describeWork, type RestartFact } from "../../facts/restart.ts";
import { type OpsClient, PreviewRestart, type PreviewRestartMutation } from "../../client/client.ts";
import type { Session } from "../command.ts";
import { toOneLine } from "../output/style.ts";

type Previewed = NonNullable<PreviewRestartMutation["restartContainer"]>;

/** Jobs that are named one by one. */
const shownJobs = 10;

/**
 * Says on stderr what a restart of a container would do. Resolves to whether the gateway would do
 * it now. @throws OpsError
 */
export async function showPreview(
  session: Session,
  client: OpsClient,
  target: { readonly name: string; readonly engine: string | null },
): Promise<boolean> {
  const { data, errors } = await client.queryPartial(PreviewRestart, target, { signal: session.context.stop });
  const found = data.restartContainer;
  if (!found) throw errors[0] ?? new Error("a preview without data and without an error");
  for (const line of toPreviewLines(found, session.paintError)) session.note(line);
  for (const { message } of errors) session.note(session.paintError("warn", `  not known: ${toOneLine(message)}`));
  return (found.preview?.refusal ?? null) === null;
}

function toPreviewLines({ name, status, health, preview }: Previewed, paint: Session["paintError"]): string[] {
  const { tone } = toContainerState({ status, health, stale: false, kind: "CORE" });
  const lines = [`${paint("strong", toOneLine(name))}: ${paint(tone, toOneLine(formatState({ status, health })))}`];
  if (!preview) return lines;
  const { refusal, work } = preview;
  if (refusal)
    lines.push(paint("bad", `  would be refused: ${toOneLine(refusal.message)} (${toOneLine(refusal.code)})`));
  return [...lines, toLine(describePeers(preview), paint), ...toWorkLines(work, paint)];
}

function toLine({ tone, text }: RestartFact, paint: Session["paintError"]): string {
  return paint(tone, `  ${toOneLine(text)}`);
}

function toWorkLines(work: NonNullable<Previewed["preview"]>["work"], paint: Session["paintError"]): string[] {
  const { facts, jobs, total } = describeWork(work);
  const named = jobs.slice(0, shownJobs).map(({ jobId, queue, kind, startedAt }) => {
    const what = kind === null || kind === queue ? queue : `${queue}, ${kind}`;
    return `    ${toOneLine(`${jobId} (${what})`)}${startedAt === null ? "" : ` for ${formatAge(startedAt)}`}`;
  });
  if (total > shownJobs) named.push(`    and ${total - shownJobs} more`);
  return facts.flatMap((fact, index) => [toLine(fact, paint), ...(index === 0 ? named : [])]);
}
