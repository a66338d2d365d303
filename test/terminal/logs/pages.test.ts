import { expect, it } from "vitest";
import { type OpsClient, OpsError } from "../../../src/client/client.ts";
import { createPartReporter, readNewest } from "../../../src/terminal/logs/pages.ts";
import type { LogTarget } from "../../../src/terminal/logs/target.ts";
import { roleLine } from "../../support/terminal-log.ts";

const place = { env: null, engine: null, service: null, destination: null };
const target: LogTarget = {
  variables: { ...place, role: "web", names: null, includeAccessories: false },
  single: null,
  hasEngines: false,
  group: null,
};
const page = { lines: [roleLine(1, "a")], hasOlder: true, containers: [], engines: [] };

/** Asks a gateway that gives these answers, one after the other. */
async function read(answers: readonly (object | OpsError)[]) {
  const reports: object[] = [];
  let asked = 0;
  const client = {
    queryPartial: async () => {
      const answer = answers[asked++];
      if (answer instanceof OpsError) throw answer;
      return { data: { logs: answer }, errors: [] };
    },
  } as unknown as OpsClient;
  const { signal } = new AbortController();
  const filter = { levelStrict: false, ignoreCase: false };
  const reading = { client, target, filter, signal, onParts: (report: object) => void reports.push(report) };
  return { found: await readNewest(reading, { tail: 1, since: null, until: null }), reports };
}

it("a gateway that asks for patience gets it, another refusal is thrown", async () => {
  const limited = new OpsError("rate_limited", "later", { retryAfterSeconds: 0.01 });
  expect(await read([limited, page])).toEqual({ found: page, reports: [page] });
  await expect(read([new OpsError("forbidden", "no")])).rejects.toMatchObject({ code: "forbidden" });
  await expect(read([new OpsError("rate_limited", "no", { retryAfterSeconds: 61 })])).rejects.toMatchObject({
    code: "rate_limited",
  });
});

it("what cannot be read is said once", () => {
  const problems: string[] = [];
  const report = createPartReporter((text) => void problems.push(text));
  const bad = {
    engines: [
      { name: "far", ok: false, error: { code: "docker_unavailable", message: "refused" } },
      { name: "near", ok: true, error: null },
    ],
    containers: [
      { container: { name: "web-1" }, error: { code: "x", message: "no driver" } },
      { container: { name: "web-2" }, error: null },
    ],
    historyError: { code: "log_history_unavailable", message: "away" },
  };
  report(bad);
  report(bad);
  expect(problems).toEqual([
    "engine far does not answer, so its lines are missing: refused",
    "web-1: its log cannot be read (no driver)",
    "older lines may be missing: away",
  ]);
});
