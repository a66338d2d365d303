// Writes a report on the last 24 hours as Markdown, for a mail or a wiki page.
// It names everything that it could not read, so it never looks better than things are.
//   OPS_URL=https://ops.example.com OPS_TOKEN=... node nightly-report.mjs > report.md
import { createClient, Deploys, Errors, Hosts, OpsError, Problems, Timeline } from "@wallet-core/ops/client";

const { OPS_URL, OPS_TOKEN } = process.env;
if (!OPS_URL || !OPS_TOKEN) throw new Error("Set OPS_URL and OPS_TOKEN");
const ops = createClient({ url: OPS_URL, token: OPS_TOKEN });
const dayAgo = Date.now() - 86_400_000;
const percent = (share) => (share === null ? "?" : `${Math.round(share * 100)} %`);

/** How many entries of a list are read. */
const most = 100;
const withMore = (lines, count) =>
  count < most ? lines : [...lines, `there may be more: only the newest ${most} were read`];

/** A section of the report: a line for each row, or the reason why there is none. */
async function section(title, document, variables, toLines) {
  try {
    const { data, errors } = await ops.queryPartial(document, variables);
    const lines =
      errors.length === 0 ? toLines(data) : errors.map(({ path, message }) => `not known: ${path}: ${message}`);
    return [`## ${title}`, "", ...(lines.length === 0 ? ["none"] : lines.map((line) => `- ${line}`)), ""];
  } catch (error) {
    // Without a valid address and token there is nothing to report.
    if (!(error instanceof OpsError) || ["unauthorized", "unreachable", "not_a_gateway"].includes(error.code))
      throw error;
    return [`## ${title}`, "", `- not known: ${error.message}`, ""];
  }
}

try {
  const sections = [
    await section("Wrong now", Problems, {}, ({ problems }) => [
      ...problems.problems.map(
        ({ severity, title, since }) => `${severity.toLowerCase()}: ${title}, since ${since ?? "?"}`,
      ),
      ...problems.gaps.map((gap) => `not known: ${gap}`),
    ]),
    await section("Deploys", Deploys, { first: most }, ({ deploys }) => {
      const ofDay = deploys.nodes.filter(({ deployedAt }) => Date.parse(deployedAt) >= dayAgo);
      const lines = ofDay.map(
        ({ tag, state, deployedAt, deployedBy }) =>
          `${deployedAt} ${tag} by ${deployedBy ?? "?"}: ${state.toLowerCase()}`,
      );
      return withMore(lines, ofDay.length);
    }),
    await section(
      "Restarts and deaths",
      Timeline,
      { kinds: ["RESTART", "CONTAINER_DEATH", "OOM_KILL"], from: "24h", first: most },
      ({ timeline: { nodes } }) =>
        withMore(
          nodes.map(({ time, message, who }) => `${time} ${message}${who ? ` (${who})` : ""}`),
          nodes.length,
        ),
    ),
    await section("Errors of jobs in the last hour", Errors, { first: most }, ({ errorGroups }) =>
      withMore(
        errorGroups.map(
          ({ count, error, queues }) =>
            `${count} x ${error.replace(/\s+/g, " ")} (${queues.map(({ name }) => name).join(", ")})`,
        ),
        errorGroups.length,
      ),
    ),
    await section("Hosts", Hosts, {}, ({ hosts }) =>
      hosts.map(
        ({ name, status, cpuUtil, memUtil, diskUtil }) =>
          `${name}: ${status.toLowerCase()}, CPU ${percent(cpuUtil)}, memory ${percent(memUtil)}, disk ${percent(diskUtil)}`,
      ),
    ),
  ];
  console.log(["# Nightly report", "", ...sections.flat()].join("\n"));
} catch (error) {
  console.error(error.message, error instanceof OpsError ? (error.remedy ?? "") : "");
  process.exitCode = 1;
}
