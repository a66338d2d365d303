import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { toBound } from "../support/bound.ts";
import { startDemo } from "../support/demo.ts";

it("the demo starts real parts, answers every endpoint and cleans up", { timeout: 180_000 }, async () => {
  const demo = startDemo();
  try {
    const settled = () => demo.ended() || demo.output().includes("Ctrl-C stops everything");
    await expect.poll(settled, { timeout: 120_000, interval: 100 }).toBe(true);
    const output = demo.output();
    expect(output).toContain("Every endpoint answered as documented.");
    expect(output).not.toMatch(/is not available|UNEXPECTED/);

    const [, address = ""] = /Address: +(\S+)/.exec(output) ?? [];
    const [, token = ""] = /Token: +(\S+)/.exec(output) ?? [];
    expect(output).toContain(`Console:  ${address}/#token=${token} `);
    const page = await fetch(address, { headers: { accept: "text/html" } });
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const [, folder = ""] = /private folder: (\S+)/.exec(output) ?? [];
    const headers = { authorization: `Bearer ${token}` };
    const queues = await fetch(`${address}/api/v1/admin/ops/queues`, { headers });
    const names = ((await queues.json()) as { queues: { name: string }[] }).queues.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["payouts", "pos_settlement", "virtual_account_issue", "webhook_notifications"]),
    );
    // The last two deploys have a window between them, which the jobs of the last hour fill.
    const { deploys } = await createClient({ url: address, token }).query<Judged, object>(
      "{ deploys(first: 2) { nodes { state verdict { windowSeconds queues { queue } } } } }",
    );
    expect(deploys.nodes.map(({ state }) => state)).toEqual(["CURRENT", "PREVIOUS"]);
    for (const { verdict } of deploys.nodes) {
      expect(verdict.windowSeconds).toBeGreaterThanOrEqual(480);
      expect(verdict.queues.length).toBeGreaterThanOrEqual(names.length);
    }

    demo.interrupt();
    expect(await demo.exit).toEqual([0, null]);
    expect(existsSync(folder)).toBe(false);
    // Another demo may have taken the address since: it does not know this one's token.
    const after = await fetch(`${address}/api/v1/admin/ops/queues`, { headers }).then(({ status }) => status, String);
    expect(["TypeError: fetch failed", 401]).toContain(after);
  } finally {
    demo.end();
    await demo.exit;
  }
});

interface Judged {
  readonly deploys: {
    readonly nodes: readonly {
      readonly state: string;
      readonly verdict: { readonly windowSeconds: number; readonly queues: readonly object[] };
    }[];
  };
}

interface Answer {
  readonly data: {
    readonly queues: readonly { readonly name: string; readonly state: string; readonly oldestAgeSeconds: number }[];
    readonly errorGroups: readonly { readonly error: string; readonly count: number; readonly lastSeen: string }[];
    readonly deploys: {
      readonly nodes: readonly { readonly state: string; readonly verdict: { readonly outcome: string } }[];
    };
    readonly containers: readonly { readonly role: string; readonly restarts: number }[];
    readonly logs: { readonly lines: readonly { readonly timestamp: string; readonly message: string }[] };
  };
}

const question = `{
  queues { name state oldestAgeSeconds }
  errorGroups { error count lastSeen }
  deploys(first: 2) { nodes { state verdict { outcome } } }
  containers { role restarts }
  logs(role: "worker", tail: 100, search: "job failed") { lines { timestamp message } }
}`;

it("the demo's incident leads from an error to log lines", { timeout: 180_000 }, async () => {
  const demo = startDemo("--incident");
  try {
    await expect
      .poll(() => demo.ended() || demo.output().includes("Ctrl-C stops everything"), {
        timeout: 120_000,
        interval: 100,
      })
      .toBe(true);
    expect(demo.output()).not.toMatch(/is not available|UNEXPECTED/);
    const [, address = ""] = /Address: +(\S+)/.exec(demo.output()) ?? [];
    const [, token = ""] = /Token: +(\S+)/.exec(demo.output()) ?? [];
    const client = createClient({ url: address, token });
    const ask = () => client.query<Answer["data"], object>(question);
    const countFailures = ({ errorGroups }: Answer["data"]) =>
      errorGroups.find(({ error }) => error === "pq: serialization failure")?.count;
    const countRestarts = ({ containers }: Answer["data"]) =>
      containers.find(({ role }) => role === "payouts-worker")?.restarts;
    await expect.poll(async () => countFailures(await ask()), { timeout: 60_000, interval: 500 }).toBe(22);
    await expect.poll(async () => countRestarts(await ask()), { timeout: 60_000, interval: 500 }).toBeGreaterThan(1);

    const { queues, errorGroups, deploys, logs } = await ask();
    const settlements = queues.find(({ name }) => name === "pos_settlement");
    expect(settlements?.state).toBe("FAILING");
    expect(settlements?.oldestAgeSeconds).toBeGreaterThan(360);
    expect(deploys.nodes.map(({ state, verdict }) => [state, verdict.outcome])).toEqual([
      ["CURRENT", "REGRESSED"],
      ["PREVIOUS", "CLEAN"],
    ]);
    const error = errorGroups.find((group) => group.error === "pq: serialization failure");
    const lastLine = logs.lines.at(-1);
    expect(lastLine?.message).toContain("pq: serialization failure");
    expect(Math.abs(Date.parse(error?.lastSeen ?? "") - Date.parse(lastLine?.timestamp ?? ""))).toBeLessThan(
      toBound(2000),
    );

    demo.interrupt();
    expect(await demo.exit).toEqual([0, null]);
  } finally {
    demo.end();
    await demo.exit;
  }
});
