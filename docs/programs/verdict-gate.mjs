// A CI gate: waits for the verdict on a release, the worst of all its services that the gateway manages.
// Exit codes: 0 nothing is worse, 1 something is worse or a deploy failed, 3 no verdict in time, or none possible.
//   OPS_URL=https://ops.example.com OPS_TOKEN=... node verdict-gate.mjs deploy-20261125-000312-staging 20
import { createClient, OpsError, waitForVerdict } from "@wallet-core/ops/client";

const [tag, minutes = "20"] = process.argv.slice(2);

try {
  // Without a tag, the newest deploy might be another one.
  if (!tag) throw new Error("Give the tag of the deploy");
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
