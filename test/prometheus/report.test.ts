import { describe, expect, it } from "vitest";
import { parseAnswer, type Sample, type Vector } from "../../src/prometheus/answer.ts";
import { toHostReport } from "../../src/prometheus/report.ts";
import { finish } from "../support/steps.ts";

const thresholds = { cpu: 0.85, mem: 0.85 };

/** `metric instance value [job] [nodename]`, as short as the table of cases wants it. */
function sample(m: string, instance: string, value: string, labels: Record<string, string> = {}): Sample {
  return { labels: { m, instance, job: "node", ...labels }, value };
}

function vector(...samples: Sample[]): Vector {
  return { samples, evaluatedAt: samples.length > 0 ? 1_768_297_560.9 : null, warnings: [] };
}

const whole = (instance: string) => [
  sample("up", instance, "1"),
  sample("uname", instance, "1", { nodename: `host-${instance}` }),
  ...["cpu", "mem"].map((metric) => sample(metric, instance, "0.5")),
  sample("disk", instance, "0.5", { mountpoint: "/var", device: "/dev/sdb1" }),
  ...["load1", "rx", "tx"].map((metric) => sample(metric, instance, "12.25")),
];

function hostsOf(...samples: Sample[]) {
  return finish(toHostReport(vector(...samples), thresholds)).hosts;
}

describe("toHostReport", () => {
  it("reads a whole host", () => {
    expect(finish(toHostReport(vector(...whole("a:9100")), thresholds))).toEqual({
      thresholds,
      updatedAt: "2026-01-13T09:46:00Z",
      hosts: [
        {
          name: "host-a:9100",
          instance: "a:9100",
          status: "up",
          cpuUtil: 0.5,
          memUtil: 0.5,
          diskUtil: 0.5,
          diskMountpoint: "/var",
          diskDevice: "/dev/sdb1",
          load1: 12.25,
          networkReceiveBytesPerSec: 12.25,
          networkTransmitBytesPerSec: 12.25,
          alert: false,
          reason: null,
        },
      ],
    });
  });

  it("ignores the rates of a host that is down", () => {
    const [host] = hostsOf(
      ...whole("a:9100").map((each) => (each.labels["m"] === "up" ? { ...each, value: "0" } : each)),
    );
    expect(host).toMatchObject({
      name: "host-a:9100",
      status: "down",
      alert: true,
      cpuUtil: null,
      memUtil: null,
      load1: null,
    });
    expect(host?.reason).toBe("node-exporter does not answer Prometheus (up is 0)");
  });

  it("keeps the numbers of a host that missed one scrape", () => {
    const missing = whole("a:9100").map((each) => (each.labels["m"] === "up" ? { ...each, value: "0" } : each));
    const [host] = hostsOf(...missing, sample("missed", "a:9100", "0"));
    expect(host).toMatchObject({ status: "up", alert: false, cpuUtil: 0.5, memUtil: 0.5, diskUtil: 0.5, load1: 12.25 });
    expect(host?.reason).toBe("node-exporter missed the last scrape: these are the values before it");
  });

  it("has no number of a host whose first scrape failed, which is not down", () => {
    const [host] = hostsOf(sample("up", "a:9100", "0"), sample("missed", "a:9100", "0"));
    expect(host).toMatchObject({ status: "up", alert: false, cpuUtil: null, memUtil: null });
  });

  it("takes the job that reaches a host, then one that missed a scrape", () => {
    const up = (job: string, value: string) => sample("up", "a:1", value, { job });
    const load = (job: string, value: string) => sample("load1", "a:1", value, { job });
    const missed = sample("missed", "a:1", "0", { job: "b" });
    const dead = up("a", "0");
    const late = [up("b", "0"), missed, load("b", "2")];
    expect(hostsOf(dead, ...late)[0]).toMatchObject({ status: "up", load1: 2 });
    expect(hostsOf(dead, ...late, up("c", "1"), load("c", "3"))[0]).toMatchObject({ load1: 3 });
  });

  it.each(["NaN", "+Inf", "-Inf", "", " ", "x"])("reads %j as unknown, never as a number", (value) => {
    const [host] = hostsOf(sample("up", "a:1", "1"), sample("cpu", "a:1", "0.9"), sample("mem", "a:1", value));
    expect(host).toMatchObject({ cpuUtil: 0.9, memUtil: null, alert: true });
    expect(host?.reason).toContain("the memory value is not finite");
  });

  it("has each number in its place, and a reason for each missing one", () => {
    const numbers = { cpu: "0.1", mem: "0.2", disk: "0.3", load1: "4", rx: "5", tx: "6" };
    const all = Object.entries(numbers).map(([metric, text]) => sample(metric, "a:1", text));
    expect(hostsOf(sample("up", "a:1", "1"), ...all)[0]).toMatchObject({
      cpuUtil: 0.1,
      memUtil: 0.2,
      diskUtil: 0.3,
      load1: 4,
      networkReceiveBytesPerSec: 5,
      networkTransmitBytesPerSec: 6,
      reason: null,
    });
    const odd = all.map((one) => (one.labels["m"] === "load1" ? one : { ...one, value: "NaN" }));
    const reasons = ["CPU", "memory", "file system", "network"].map((word) => `the ${word} value is not finite`);
    expect(hostsOf(...odd)[0]?.reason).toBe(reasons.join("; "));
    const missing = ["CPU", "memory", "file system", "network"].map((word) => `no ${word} metrics`);
    expect(hostsOf(sample("load1", "a:1", "4"))[0]?.reason).toBe(missing.join("; "));
  });

  it.each(["mem", "disk", "load1"])("takes a host without up as alive by its %s, not by a rate or name", (metric) => {
    expect(hostsOf(sample(metric, "a:1", "0.5"))).toHaveLength(1);
    const dead = ["cpu", "rx", "tx", "uname"].map((other) => sample(other, "b:1", "1"));
    expect(hostsOf(sample(metric, "a:1", "0.5"), ...dead).map(({ instance }) => instance)).toEqual(["a:1"]);
  });

  it.each(["cpu", "mem", "disk", "load1", "rx", "tx"])("reports a host with one finite number: %s", (metric) => {
    expect(hostsOf(sample("up", "a:1", "1"), sample(metric, "a:1", "0"))).toHaveLength(1);
  });

  it.each([
    ["1", "up"],
    ["1.0", "up"],
    ["0", "down"],
    ["0.5", "down"],
    ["NaN", "down"],
  ])("with an up of %s is %s", (value, status) => {
    expect(hostsOf(sample("up", "a:1", value), sample("mem", "a:1", "0.5"))[0]?.status).toBe(status);
  });

  it("uses the first of two node names, and of two jobs' numbers", () => {
    const names = ["b", "a", "c"].map((nodename) => sample("uname", "x:1", "1", { nodename }));
    const of = (...samples: Sample[]) => hostsOf(sample("mem", "x:1", "0.5"), ...samples)[0]?.name;
    expect([of(...names), of(...names.toReversed()), of(sample("uname", "x:1", "1", { nodename: "" }))]).toEqual([
      "a",
      "a",
      "x",
    ]);
    const jobs = ["second", "first"].flatMap((job, n) => [
      sample("up", "x:1", "1", { job }),
      sample("mem", "x:1", `0.${n + 1}`, { job }),
    ]);
    expect([hostsOf(...jobs), hostsOf(...jobs.toReversed())]).toMatchObject([[{ memUtil: 0.2 }], [{ memUtil: 0.2 }]]);
    // The first of two samples of one metric counts.
    expect(hostsOf(sample("mem", "x:1", "0.5"), sample("mem", "x:1", "0.1"))[0]?.memUtil).toBe(0.5);
  });

  it("names the missing metrics, once each", () => {
    const [host] = hostsOf(sample("up", "a:1", "1"), sample("cpu", "a:1", "0.1"), sample("disk", "a:1", "0.2"));
    expect(host).toMatchObject({ memUtil: null, alert: false });
    expect(host?.reason).toBe("no memory metrics; no load metrics; no network metrics");
  });

  it("clamps shares to 0..1, and only shares", () => {
    const samples = [
      sample("up", "a:1", "1"),
      sample("cpu", "a:1", "-1e-9"),
      sample("mem", "a:1", "1.5"),
      sample("load1", "a:1", "7"),
    ];
    expect(hostsOf(...samples)[0]).toMatchObject({ cpuUtil: 0, memUtil: 1, load1: 7 });
    expect(Object.is(hostsOf(sample("up", "a:1", "1"), sample("cpu", "a:1", "-0"))[0]?.cpuUtil, 0)).toBe(true);
  });

  it("lists hosts without a node name, and distinguishes equal names", () => {
    const clone = (instance: string) => [
      sample("uname", instance, "1", { nodename: "clone" }),
      sample("mem", instance, "0.1"),
    ];
    expect(hostsOf(...clone("a:1"), ...clone("b:1"), sample("mem", "c:1", "0.1")).map((host) => host.name)).toEqual([
      "c",
      "clone (a:1)",
      "clone (b:1)",
    ]);
  });

  it("lists a host without up only with values that prove it lives", () => {
    expect(
      hostsOf(sample("mem", "pushed", "0.3"), sample("cpu", "gone:1", "0.9"), sample("uname", "gone:1", "1")),
    ).toMatchObject([{ name: "pushed", status: "up", memUtil: 0.3, cpuUtil: null }]);
  });

  it("lists a machine once, from the job that reaches it", () => {
    const twice = [
      sample("up", "a:1", "0"),
      sample("up", "a:1", "1", { job: "other" }),
      sample("cpu", "a:1", "0.4", { job: "other" }),
    ];
    expect(hostsOf(...twice)).toMatchObject([{ status: "up", cpuUtil: 0.4, alert: false }]);
    expect(hostsOf(...twice.toReversed())).toEqual(hostsOf(...twice));
  });

  it.each([
    ["an empty vector", []],
    ["targets that are up without any value", [sample("up", "a:1", "1"), sample("uname", "a:1", "1")]],
    ["nothing but NaN", [sample("up", "a:1", "1"), sample("cpu", "a:1", "NaN"), sample("mem", "a:1", "-Inf")]],
    ["series without an instance", [{ labels: { m: "mem", job: "node" }, value: "0.5" }]],
    ["series of another query", [sample("other", "a:1", "1")]],
  ])("refuses %s as prometheus_unavailable", (_, samples) => {
    expect(() => finish(toHostReport(vector(...samples), thresholds))).toThrow(
      expect.objectContaining({ code: "prometheus_unavailable", message: "Prometheus has no node-exporter metrics" }),
    );
  });

  it("answers when all hosts are down, which is no outage of Prometheus", () => {
    expect(hostsOf(sample("up", "a:1", "0"), sample("up", "b:1", "0")).map((host) => host.alert)).toEqual([true, true]);
  });
});

function ok(result: unknown, rest: object = {}): string {
  return JSON.stringify({ status: "success", data: { resultType: "vector", result }, ...rest });
}

describe("parseAnswer", () => {
  it("reads values, time and warnings", () => {
    const body = ok([{ metric: { m: "up" }, value: [17.5, "NaN"] }], { warnings: ["w"], infos: ["i"] });
    expect(finish(parseAnswer(200, body))).toEqual({
      samples: [{ labels: { m: "up" }, value: "NaN" }],
      evaluatedAt: 17.5,
      warnings: ["w", "i"],
    });
    expect(finish(parseAnswer(200, ok([])))).toEqual({ samples: [], evaluatedAt: null, warnings: [] });
  });

  it.each([
    [200, "", "not_json"],
    [200, "<html>", "not_json"],
    [200, "null", "not_json"],
    [200, '{"status":"success"}', "not_json"],
    [200, ok([{ metric: {}, value: [1, 2] }]), "not_json"],
    [200, ok([{ metric: {}, value: [1e300, "1"] }]), "not_json"],
    [200, ok([{ metric: { a: 1 }, value: [1, "1"] }]), "not_json"],
    [200, '{"status":"success","data":{"resultType":"matrix","result":[]}}', "not_json"],
    [204, "", "not_json"],
    [302, "", "redirect"],
    [401, "Unauthorized", "credentials"],
    [403, '{"status":"error","errorType":"bad_data","error":"no"}', "credentials"],
    [404, "404 page not found", "no_api"],
    [502, "Bad Gateway", "server"],
    [400, '{"status":"error","errorType":"bad_data","error":"parse error"}', "rejected"],
    [422, '{"status":"error","errorType":"execution","error":"found duplicate series"}', "rejected"],
    [422, '{"status":"error","errorType":"execution","error":"query timed out in expression evaluation"}', "gave_up"],
    [503, '{"status":"error","errorType":"timeout","error":"x"}', "gave_up"],
    [499, '{"status":"error","errorType":"canceled"}', "gave_up"],
    [500, '{"status":"error","errorType":"internal","error":"x"}', "server"],
    [200, '{"status":"error","errorType":"sekret","error":"sekret"}', "rejected"],
    [201, ok([]), "not_json"],
    [299, ok([]), "not_json"],
    [300, ok([]), "redirect"],
    [399, ok([]), "redirect"],
    [400, ok([]), "no_api"],
    [407, ok([]), "credentials"],
    [499, ok([]), "no_api"],
    [500, ok([]), "server"],
    [200, ok([{ metric: {}, value: [-1, "1"] }]), "not_json"],
    [200, ok([{ metric: {}, value: [253_402_300_800, "1"] }]), "not_json"],
    [200, '{"status":"error","errorType":7}', "not_json"],
    [422, '{"status":"error","errorType":"execution","error":"TOO MANY SAMPLES"}', "gave_up"],
    [422, '{"status":"error","errorType":"execution","error":"query timeout"}', "gave_up"],
    [422, '{"status":"error","errorType":"execution","error":"query was canceled"}', "gave_up"],
    [503, '{"status":"error","errorType":"unavailable"}', "gave_up"],
    [407, '{"status":"error","errorType":"timeout"}', "credentials"],
    [502, '{"status":"error","errorType":"bad_data"}', "rejected"],
  ])("of HTTP %i %s is %s", (status, body, kind) => {
    const refusal = expect.objectContaining({
      code: "prometheus_unavailable",
      kind,
      message: expect.not.stringContaining("sekret"),
    });
    expect(() => finish(parseAnswer(status, body))).toThrow(refusal);
  });

  it.each([
    ...["timeout", "canceled", "unavailable", "execution", "bad_data", "internal", "not_found"].map((type) => [
      type,
      type,
    ]),
    ["other", "HTTP 422"],
  ])("names a refusal of the known type %s", (type, detail) => {
    const body = JSON.stringify({ status: "error", errorType: type });
    expect(() => finish(parseAnswer(422, body))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(`\\(${detail}\\)$`) }),
    );
    const denied = expect.objectContaining({ message: "Prometheus refused the credentials (HTTP 403)" });
    expect(() => finish(parseAnswer(403, body))).toThrow(denied);
  });

  it("names the status if there is no refusal to read", () => {
    expect(() => finish(parseAnswer(404, ""))).toThrow("There is no Prometheus API at the configured URL (HTTP 404)");
    expect(() => finish(parseAnswer(200, ""))).toThrow(
      expect.objectContaining({ message: "The answer is not from a Prometheus API" }),
    );
  });

  it("has at most ten notices, each truncated, warnings first", () => {
    const read = (rest: object) => finish(parseAnswer(200, ok([], rest))).warnings;
    const many = (name: string) => Array.from({ length: 6 }, (_, n) => `${name} ${n}`);
    expect(read({ infos: many("i"), warnings: many("w") })).toEqual([...many("w"), ...many("i").slice(0, 4)]);
    expect([read({ infos: ["i"] }), read({ warnings: ["w"], infos: null })]).toEqual([["i"], ["w"]]);
    expect(read({ warnings: ["x".repeat(400)] })[0]?.length).toBeLessThanOrEqual(301);
    expect(finish(parseAnswer(200, ok([{ metric: {}, value: [253_402_300_799, "1"] }]))).evaluatedAt).toBe(
      253_402_300_799,
    );
  });
});
