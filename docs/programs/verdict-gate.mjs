// A gate of CI: waits for the verdict on a release, the worst one of its services that the gateway looks after.
// Exits with 0 when nothing is worse, 1 when something is or a deploy failed, 3 when it is not known in time, or this gateway never judges it.
//   OPS_URL=https://ops.example.com OPS_TOKEN=... node verdict-gate.mjs deploy-20261125-000312-staging 20
import { createClient, OpsError, waitForVerdict } from "@wallet-core/ops/client";

const [tag, minutes = "20"] = process.argv.slice(2);

try {
  // The newest deploy may be another one.
  if (!tag) throw new Error("Which deploy? Give its tag");
  const ops = createClient({ url: process.env.OPS_URL, token: process.env.OPS_TOKEN });
  const { outcome, unjudgeable, deploys, errors } = await waitForVerdict(ops, {
    tag,
    waitMs: Number(minutes) * 60_000,
  });
  console.log(unjudgeable ?? outcome ?? "UNKNOWN");
  for (const { service, destination, verdict } of deploys) {
    const place = [service, destination].filter(Boolean).join(" ") || "an unknown destination";
    for (const reason of verdict?.reasons ?? []) console.log(`  ${place}: ${reason}`);
  }
  for (const { message } of errors) console.error(message);
  const isBad = outcome === "REGRESSED" || unjudgeable === "FAILED";
  process.exitCode = outcome === "CLEAN" ? 0 : isBad ? 1 : 3;
} catch (error) {
  console.error(error.message, error instanceof OpsError ? (error.remedy ?? "") : "");
  process.exitCode = 3;
}
