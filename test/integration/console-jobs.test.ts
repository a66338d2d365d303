import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { toFingerprint } from "../../src/queues/fingerprint.ts";
import { chromiumFlags } from "../support/chromium.ts";
import { openConsole } from "../support/console-page.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";

const error = "card 17 refused";
let database: TestDatabase;
let gateway: Awaited<ReturnType<typeof startGatewayProcess>>;
const folder = mkdtempSync(join(tmpdir(), "ops-console-jobs-"));

/** Jobs that failed with one error: 1 for good, 2 and 3 wait for their next attempt. 4 runs. */
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "console_jobs");
  const jobs = await createRiverJobs(database);
  const failed = { queue: "mail", state: "failed", error, dueAgo: 1 } as const;
  await jobs.insert([1, 2, 3].map((n) => ({ ...failed, id: String(n), endedAgo: n * 10 })));
  await jobs.insert([{ ...failed, id: "4", state: "running" }]);
  const retryable = "state = 'retryable', finalized_at = null, scheduled_at = now() + interval '1 hour'";
  await database.query(`update river_job set ${retryable} where id in (2, 3)`);
  const [reader, control] = [await database.createRole(), await database.createRole()];
  await database.query(`grant select on all tables in schema public to ${reader.name}`);
  await database.query(`grant select, update on river_job to ${control.name}`);
  gateway = await startGatewayProcess(join(folder, "docker.sock"), "jobs", join(folder, "audit.jsonl"), {
    JOBS: "on",
    DATABASE_URL: reader.url,
    CONTROL_DATABASE_URL: control.url,
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await database?.drop();
  rmSync(folder, { recursive: true });
});

const states = async () => {
  const { rows } = await database.query("select state::text as state from river_job order by id");
  return rows.map((row) => Object.values(row)[0]);
};

/** For a busy machine: what is waited for comes within a second when nothing else runs. */
const patient = { timeout: 20_000 };

test("an error's dialog names the jobs that it changes, and refuses at none", { timeout: 120_000 }, async () => {
  await using browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
  await using tab = await openConsole(browser, gateway.url, gateway.token);
  const { page } = tab;
  const dialog = page.getByRole("dialog");
  const says = () => dialog.innerText();
  const discard = dialog.getByRole("button", { name: "Discard them" });
  await tab.open("/queue?name=mail");
  await page.getByRole("button", { name: "Discard …" }).click();
  await expect.poll(says, patient).toContain("2 jobs of mail in river will not be tried again");
  expect(await dialog.getByRole("link").allInnerTexts()).toEqual(["2", "3"]);
  await dialog.getByRole("spinbutton").fill("1");
  await expect.poll(says, patient).toContain("1 job of mail in river will not be tried again. 1 more is left.");
  expect(await dialog.getByRole("link").allInnerTexts()).toEqual(["2"]);
  const before = await states();
  await dialog.getByRole("spinbutton").fill("2");
  await dialog.getByLabel("Reason").fill("the provider is gone");
  await discard.click();
  await expect.poll(says, patient).toContain("2 discarded, 0 left");
  expect([before, await states()]).toEqual([
    ["discarded", "retryable", "retryable", "running"],
    ["discarded", "cancelled", "cancelled", "running"],
  ]);
  await dialog.getByRole("button", { name: "Close" }).click();

  await page.getByRole("button", { name: "Discard …" }).click();
  await expect.poll(says, patient).toContain("Nothing to discard: no job of mail");
  await dialog.getByLabel("Reason").fill("again");
  expect(await discard.isDisabled()).toBe(true);

  await tab.open("/audit");
  const newest = page.locator(".action-row").first();
  await expect.poll(() => newest.innerText(), patient).toContain("discarded 2 failed jobs of mail");

  await tab.open(`/errors?fingerprint=${toFingerprint(error)}`);
  // Until the job is known, both say that.
  const buttons = async (state: string) => {
    const row = page.locator(".sample-jobs tbody tr", { hasText: state }).first();
    return Promise.all(
      ["Retry …", "Discard …"]
        .map((name) => row.getByRole("button", { name }).getAttribute("title", patient))
        .map(async (title) => (await title) || null),
    );
  };
  expect(await buttons("failed")).toEqual([
    null,
    "The job has failed for good and will not be tried again: there is nothing to discard",
  ]);
  expect(await buttons("cancelled")).toEqual([null, "The job is cancelled: there is nothing to discard"]);
  expect(tab.faults).toEqual([]);
});
