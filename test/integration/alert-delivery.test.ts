import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { toAlerts } from "../../script/alerts/table.ts";
import { startAlertmanager } from "../../script/services/alertmanager.ts";
import { startHttpReceiver, startMailReceiver, type WebhookMessage } from "../support/alert-receivers.ts";

/** deploy/compose/receiver in a clone of its own, and the real Alertmanager with what it wrote. */
let root: string;
let secrets: string;
const contactPoints = () => readFileSync(join(root, "deploy/grafana/provisioning/alerting/contact-points.yml"), "utf8");

beforeEach(() => {
  root = mkdtempSync(join(inject("runFolder"), "receiver-"));
  secrets = join(root, "deploy/compose/secrets");
  for (const path of ["compose/receiver", "compose/secrets/.gitignore", "alertmanager", "grafana/provisioning"])
    cpSync(join("deploy", path), join(root, "deploy", path), { recursive: true });
  rmSync(join(root, "deploy/grafana/provisioning/alerting/contact-points.yml"), { force: true });
});

function writeReceiver(settings: Readonly<Record<string, string>>) {
  const env = { PATH: process.env["PATH"] ?? "", ...settings };
  const { status, stderr } = spawnSync(join(root, "deploy/compose/receiver"), { env, encoding: "utf8" });
  return { status, stderr };
}

/** With the secrets where they are here, and without the waits for further alerts. */
async function startWritten() {
  const config = readFileSync(join(secrets, "alertmanager.yml"), "utf8")
    .replaceAll("/run/secrets/", `${secrets}/`)
    .replace("group_wait: 30s", "group_wait: 0s")
    .replace("group_interval: 5m", "group_interval: 1s");
  const file = join(root, "alertmanager.yml");
  writeFileSync(file, config);
  execFileSync("amtool", ["check-config", file], { stdio: "ignore" });
  const running = await startAlertmanager(join(root, "alertmanager"), file);
  return { ...running, [Symbol.asyncDispose]: () => running.stop() };
}

const labels = { alertname: "OpsRoleDown", role: "runner", service: "wallet-core", severity: "critical" };
const annotations = {
  summary: "No container of runner runs",
  description: "All that is left of wallet-core runner has stopped.",
  runbook_url: "https://wiki.example/docs/alerts.md#opsroledown",
};

/** As Prometheus reports alerts, and later their end. */
async function post(address: string, alerts: readonly object[]): Promise<void> {
  const startsAt = new Date(Date.now() - 60_000).toISOString();
  const response = await fetch(`http://${address}/api/v2/alerts`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(alerts.map((alert) => ({ startsAt, ...alert }))),
  });
  expect(response.status).toBe(200);
}

const report = (address: string, end: Readonly<{ endsAt?: string }> = {}) =>
  post(address, [{ labels, annotations, ...end }]);

/** The alerts that are held back by others, as the Alertmanager says it. */
async function readHeldBack(address: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const response = await fetch(`http://${address}/api/v2/alerts`);
  const alerts = (await response.json()) as { labels: Record<string, string>; status: { inhibitedBy: string[] } }[];
  return alerts.filter(({ status }) => status.inhibitedBy.length > 0).map((alert) => alert.labels);
}

const wait = { timeout: 10_000, interval: 50 };
const policy = `policies:
  - { orgId: 1, receiver: ops, group_by: [grafana_folder, alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 4h }
`;
const toContact = (type: string, settings: string) =>
  `apiVersion: 1\ncontactPoints: [{ orgId: 1, name: ops, receivers: [{ uid: ops, type: ${type}, settings: { ${settings} } }] }]\n${policy}`;
const byUrl = 'url: "$__file{/run/secrets/alert_url}"';

describe("an alert is delivered", () => {
  it("to a webhook, and so is its end", async () => {
    await using receiver = await startHttpReceiver<WebhookMessage>();
    expect(writeReceiver({ ALERT_TO: `webhook:http://127.0.0.1:${receiver.port}/alerts?key=1` })).toEqual({
      status: 0,
      stderr: "",
    });
    await using alertmanager = await startWritten();
    await report(alertmanager.address);
    await expect.poll(() => receiver.messages.length, wait).toBe(1);
    expect(receiver.messages[0]).toMatchObject({ status: "firing", alerts: [{ labels, annotations }] });
    await report(alertmanager.address, { endsAt: new Date().toISOString() });
    await expect.poll(() => receiver.messages.at(-1)?.status, wait).toBe("resolved");
    expect(contactPoints()).toBe(toContact("webhook", byUrl));
  });

  it("to Slack, with the cause and the docs page, and so is its end", async () => {
    interface Message {
      readonly attachments: readonly { readonly title: string; readonly text: string; readonly color: string }[];
    }
    await using receiver = await startHttpReceiver<Message>();
    expect(writeReceiver({ ALERT_TO: `slack:http://127.0.0.1:${receiver.port}/services/T/B/x` }).status).toBe(0);
    await using alertmanager = await startWritten();
    await report(alertmanager.address);
    await expect.poll(() => receiver.messages.length, wait).toBe(1);
    const { summary, description, runbook_url } = annotations;
    expect(receiver.messages[0]?.attachments[0]).toMatchObject({
      title: expect.stringContaining("OpsRoleDown"),
      text: expect.stringContaining(`${summary}. ${description} ${runbook_url}`),
      color: "danger",
    });
    await report(alertmanager.address, { endsAt: new Date().toISOString() });
    await expect.poll(() => receiver.messages.at(-1)?.attachments[0]?.color, wait).toBe("good");
    expect(contactPoints()).toBe(toContact("slack", byUrl));
  });

  it("to a mailbox by a relay without TLS, and so is its end", async () => {
    await using receiver = await startMailReceiver();
    const settings = {
      ALERT_TO: "email:on-call@example.org",
      ALERT_SMTP: `127.0.0.1:${receiver.port}`,
      ALERT_SMTP_FROM: "ops@example.org",
      ALERT_SMTP_TLS: "off",
    };
    expect(writeReceiver(settings)).toEqual({ status: 0, stderr: "" });
    await using alertmanager = await startWritten();
    await report(alertmanager.address);
    await expect.poll(() => receiver.messages.length, wait).toBe(1);
    expect(receiver.messages[0]).toMatch(/^From: ops@example\.org$/m);
    expect(receiver.messages[0]).toMatch(/^To: on-call@example\.org$/m);
    expect(receiver.messages[0]).toMatch(/^Subject: \[FIRING:1\] OpsRoleDown/m);
    await report(alertmanager.address, { endsAt: new Date().toISOString() });
    await expect.poll(() => receiver.messages.at(-1), wait).toMatch(/^Subject: \[RESOLVED\] OpsRoleDown/m);
    expect(contactPoints()).toBe(toContact("email", "addresses: on-call@example.org"));
    expect(readFileSync(join(secrets, "grafana.env"), "utf8")).toBe(
      `GF_SMTP_ENABLED=true\nGF_SMTP_HOST=${settings.ALERT_SMTP}\nGF_SMTP_FROM_ADDRESS=ops@example.org\nGF_SMTP_STARTTLS_POLICY=NoStartTLS\n`,
    );
  });
});

describe("an alert inhibits another one", () => {
  const names = toAlerts().map(({ alert }) => alert);
  const place = { queue: "mail", source: "jobs", env: "staging", service: "wallet-core", role: "runner" };
  const toPosts = (alerts: readonly string[], more: object = {}) =>
    alerts.map((alertname) => ({ labels: { ...place, alertname, ...more } }));

  it("OpsQueueStalled inhibits only OpsQueueBehind of the same queue", async () => {
    writeReceiver({});
    await using alertmanager = await startWritten();
    const [cause, effect] = ["OpsQueueStalled", "OpsQueueBehind"];
    const others = names.filter((name) => name !== cause);
    await post(alertmanager.address, toPosts(others));
    expect(await readHeldBack(alertmanager.address)).toEqual([]);
    await post(alertmanager.address, [...toPosts([cause]), ...toPosts(others, { queue: "bank", role: "web" })]);
    await expect.poll(() => readHeldBack(alertmanager.address), wait).toEqual([{ ...place, alertname: effect }]);
  });
});

describe("deploy/compose/receiver", () => {
  it("starts without a receiver, stores one, and returns to none", () => {
    expect(writeReceiver({})).toEqual({ status: 0, stderr: "" });
    expect(readFileSync(join(secrets, "alertmanager.yml"), "utf8")).toBe(
      readFileSync("deploy/alertmanager/alertmanager.yml", "utf8"),
    );
    expect(contactPoints()).toBe("apiVersion: 1\nresetPolicies: [1]\n");
    writeReceiver({ ALERT_TO: "webhook:http://127.0.0.1:9/x" });
    const written = readFileSync(join(secrets, "alertmanager.yml"), "utf8");
    expect(writeReceiver({}).status).toBe(0);
    expect(readFileSync(join(secrets, "alertmanager.yml"), "utf8")).toBe(written);
    expect(written).not.toContain("127.0.0.1:9");
    expect(readFileSync(join(secrets, "alert_url"), "utf8")).toBe("http://127.0.0.1:9/x\n");
    writeReceiver({ ALERT_TO: "none" });
    expect(contactPoints()).toBe("apiVersion: 1\nresetPolicies: [1]\n");
    expect(readFileSync(join(secrets, "alert_url"), "utf8")).toBe("\n");
  });

  it("gives both programs the mail server's password in a file", () => {
    const mail = { ALERT_TO: "email:a@example.org", ALERT_SMTP: "mail.example:587", ALERT_SMTP_FROM: "b@example.org" };
    expect(writeReceiver({ ...mail, ALERT_SMTP_USER: "b", ALERT_SMTP_PASSWORD: "canary-secret" }).status).toBe(0);
    const config = readFileSync(join(secrets, "alertmanager.yml"), "utf8");
    expect(config).toContain("auth_username: 'b', auth_password_file: /run/secrets/smtp_password");
    expect(config).not.toContain("require_tls");
    const env = readFileSync(join(secrets, "grafana.env"), "utf8");
    expect(env).toContain("GF_SMTP_USER=b\nGF_SMTP_PASSWORD__FILE=/run/secrets/smtp_password\n");
    expect(config + env + contactPoints()).not.toContain("canary");
    expect(readFileSync(join(secrets, "smtp_password"), "utf8")).toBe("canary-secret\n");
    expect(statSync(join(secrets, "smtp_password")).mode & 0o777).toBe(0o444);
  });

  it.each([
    ["sms:1", {}, "ALERT_TO must be webhook:URL, slack:URL, email:ADDRESS or none"],
    ["https://hooks.example/x", {}, "ALERT_TO must be webhook:URL, slack:URL, email:ADDRESS or none"],
    ["webhook:ftp://x", {}, "ALERT_TO must be webhook: and a URL of http or https"],
    ["slack:http://a b", {}, "ALERT_TO must be slack: and a URL of http or https"],
    ["email:a@b.c, type: webhook", {}, "ALERT_TO must be email: and an address"],
    ["email:a@b.c", {}, "ALERT_SMTP must be host:port where ALERT_TO is an address"],
    ["email:a@b.c", { ALERT_SMTP: "mail:25" }, "ALERT_SMTP_FROM must be an address where ALERT_TO is one"],
    [
      "email:a@b.c",
      { ALERT_SMTP: "mail:25", ALERT_SMTP_FROM: "x@y.z", ALERT_SMTP_USER: "a' }" },
      "ALERT_SMTP_USER must be made of letters, digits and . _ % + @ -",
    ],
    [
      "email:a@b.c",
      { ALERT_SMTP: "mail:25", ALERT_SMTP_FROM: "x@y.z", ALERT_SMTP_TLS: "no" },
      "ALERT_SMTP_TLS must be on or off",
    ],
  ])("refuses %s %j and writes nothing", (to, settings, message) => {
    expect(writeReceiver({ ALERT_TO: to, ...settings })).toEqual({
      status: 1,
      stderr: `deploy/compose/receiver: ${message}\n`,
    });
    expect(() => readFileSync(join(secrets, "alertmanager.yml"))).toThrow("ENOENT");
    expect(contactPoints).toThrow("ENOENT");
  });
});
