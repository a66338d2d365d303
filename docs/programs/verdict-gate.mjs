// A gate of CI: waits for the verdict on a deploy. Exits with 0 when nothing is worse, 1 when something is, 3 when it is not known in time.
//   OPS_URL=https://ops.example.com OPS_TOKEN=... node verdict-gate.mjs deploy-20261125-000312-staging 20
import { setTimeout } from "node:timers/promises";
import { createClient, Deploys, OpsError, Verdict } from "@wallet-core/ops/client";

const [tag, minutes = "20"] = process.argv.slice(2);
const until = Date.now() + Number(minutes) * 60_000;

/** The verdict, with the reason when there is none yet. */
async function judge(ops) {
  const { deploys } = await ops.query(Deploys, { tag, first: 1 });
  const [deploy] = deploys.nodes;
  if (!deploy) return { outcome: "NOT_ENOUGH_DATA", reasons: [`no deploy ${tag} is known`] };
  // A deploy that never went live is not worth waiting for.
  if (deploy.state === "FAILED") return { outcome: "REGRESSED", reasons: ["the deploy failed"] };
  const { node } = await ops.query(Verdict, { id: deploy.id });
  return node?.verdict ?? { outcome: "NOT_ENOUGH_DATA", reasons: ["the deploy has no verdict"] };
}

try {
  // The newest deploy may be another one.
  if (!tag) throw new Error("Which deploy? Give its tag");
  const ops = createClient({ url: process.env.OPS_URL, token: process.env.OPS_TOKEN });
  let verdict = await judge(ops);
  while (verdict.outcome === "NOT_ENOUGH_DATA" && Date.now() < until) {
    await setTimeout(30_000);
    verdict = await judge(ops);
  }
  console.log([verdict.outcome, ...verdict.reasons].join("\n  "));
  process.exitCode = { CLEAN: 0, REGRESSED: 1, NOT_ENOUGH_DATA: 3 }[verdict.outcome];
} catch (error) {
  console.error(error.message, error instanceof OpsError ? (error.remedy ?? "") : "");
  process.exitCode = 3;
}
