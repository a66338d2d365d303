// Posts one line to Slack after a deploy: what went live, who deployed it, and what is wrong now.
// Run it from Kamal's post-deploy hook or as the last step of CI:
//   OPS_URL=https://ops.example.com OPS_TOKEN=... SLACK_WEBHOOK=https://hooks.slack.com/... node slack-after-deploy.mjs
import { createClient, LatestDeploys, OpsError, Problems } from "@wallet-core/ops/client";

const { OPS_URL, OPS_TOKEN, SLACK_WEBHOOK } = process.env;

/** Slack gives these three characters a meaning. */
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

try {
  const ops = createClient({ url: OPS_URL, token: OPS_TOKEN });
  const { latestDeploys } = await ops.query(LatestDeploys, { maxAgeSeconds: 900 });
  const [deploy] = latestDeploys.toSorted((a, b) => Date.parse(b.deployedAt) - Date.parse(a.deployedAt));
  if (!deploy) throw new Error("no deploy in the last 15 minutes");
  const { problems } = await ops.query(Problems, { env: deploy.env });
  const worst = problems.problems.slice(0, 3).map(({ title }) => title);
  const wrong =
    worst.length === 0
      ? "nothing is wrong"
      : `${problems.criticalCount} critical, ${problems.warningCount} warnings: ${worst.join("; ")}`;
  const place =
    [deploy.service, deploy.destination, deploy.env?.toLowerCase()].filter(Boolean).join(" ") ||
    "an unknown destination";
  const text = `${deploy.tag} on ${place}, by ${deploy.deployedBy ?? "someone"}, is ${deploy.state.toLowerCase()}; ${wrong}`;
  const sent = await fetch(SLACK_WEBHOOK, { method: "POST", body: JSON.stringify({ text: escape(text) }) });
  if (!sent.ok) throw new Error(`Slack answered ${sent.status}`);
} catch (error) {
  console.error(error.message, error instanceof OpsError ? (error.remedy ?? "") : "");
  process.exitCode = 1;
}
