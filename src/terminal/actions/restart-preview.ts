import { toContainerState } from "../../facts/container.ts";
import { formatAge, formatEnum } from "../../facts/format.ts";
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
  const state = health === "NONE" ? status : `${status}, ${formatEnum(health)}`;
  const { tone } = toContainerState({ status, health, stale: false, kind: "CORE" });
  const lines = [`${paint("strong", toOneLine(name))}: ${paint(tone, toOneLine(state))}`];
  if (!preview) return lines;
  const { lastHealthy, healthyPeers, refusal, work } = preview;
  if (refusal)
    lines.push(paint("bad", `  would be refused: ${toOneLine(refusal.message)} (${toOneLine(refusal.code)})`));
  if (lastHealthy)
    lines.push(paint("bad", "  it is the last healthy container of its role: nothing serves while it restarts"));
  else if (healthyPeers !== null)
    lines.push(`  ${healthyPeers} other healthy ${healthyPeers === 1 ? "container" : "containers"} of its role`);
  else lines.push(paint("warn", "  unknown whether others of its role are healthy (needs ops:read)"));
  lines.push(...toWorkLines(work, paint));
  return lines;
}

function toWorkLines(work: NonNullable<Previewed["preview"]>["work"], paint: Session["paintError"]): string[] {
  if (!work) return [paint("warn", "  unknown which jobs run in it (needs ops:read)")];
  const { jobs, total, gaps } = work;
  const lines: string[] = [];
  if (jobs === null || total === null) lines.push(paint("warn", "  unknown which jobs run in it"));
  else if (total === 0) lines.push("  no known job runs in it");
  else {
    lines.push(paint("warn", `  ${total === 1 ? "1 job runs" : `${total} jobs run`} in it:`));
    for (const { jobId, queue, kind, startedAt } of jobs.slice(0, shownJobs)) {
      const what = kind === null || kind === queue ? queue : `${queue}, ${kind}`;
      lines.push(`    ${toOneLine(`${jobId} (${what})`)}${startedAt === null ? "" : ` for ${formatAge(startedAt)}`}`);
    }
    if (total > shownJobs) lines.push(`    and ${total - shownJobs} more`);
  }
  for (const { source, reason } of gaps)
    lines.push(paint("warn", `  ${toOneLine(source === null ? reason : `${source}: ${reason}`)}`));
  return lines;
}
