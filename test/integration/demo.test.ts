import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { expect, it } from "vitest";

/** The demo as a person starts it, in a process group of its own, so that Ctrl-C can be sent as a terminal does: to all of it. */
function startDemo() {
  const child = spawn("script/demo", { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const read = (chunk: Buffer) => {
    output += String(chunk);
  };
  child.stdout.on("data", read);
  child.stderr.on("data", read);
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  return {
    output: () => output,
    exit,
    interrupt: () => process.kill(-(child.pid as number), "SIGINT"),
    ended: () => child.exitCode !== null || child.signalCode !== null,
    end: () => child.kill("SIGTERM"),
  };
}

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
    const queues = await fetch(`${address}/api/v1/admin/ops/queues`, { headers: { authorization: `Bearer ${token}` } });
    const names = ((await queues.json()) as { queues: { name: string }[] }).queues.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["payouts", "pos_settlement", "virtual_account_issue", "webhook_notifications"]),
    );

    demo.interrupt();
    expect(await demo.exit).toEqual([0, null]);
    expect(existsSync(folder)).toBe(false);
    await expect(fetch(`${address}/healthz`)).rejects.toThrow("fetch failed");
  } finally {
    demo.end();
    await demo.exit;
  }
});
