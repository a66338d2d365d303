import { expect, it, vi } from "vitest";
import {
  Deploys,
  type JudgedDeploy,
  LatestDeploys,
  type OpsClient,
  OpsError,
  Verdict,
  waitForVerdict,
} from "../../src/client/client.ts";

type Judgement = NonNullable<JudgedDeploy["verdict"]>;

const toVerdict = (outcome: Judgement["outcome"], unjudgeable: Judgement["unjudgeable"] = null): Judgement => ({
  outcome,
  unjudgeable,
  reasons: [],
  gaps: [],
  windowSeconds: 1800,
  newErrors: null,
  queues: [],
});
const clean = toVerdict("CLEAN");
const worse = toVerdict("REGRESSED");
const thin = toVerdict("NOT_ENOUGH_DATA");
const others = toVerdict("NOT_ENOUGH_DATA", "OTHER_SERVICE");
const failed = toVerdict("NOT_ENOUGH_DATA", "FAILED");

let count = 0;
function deploy(service: string | null, verdict: Judgement | null, more: Partial<JudgedDeploy> = {}): JudgedDeploy {
  count += 1;
  return {
    id: `deploy-${count}`,
    tag: "v3",
    version: "v3",
    state: "CURRENT",
    service,
    destination: null,
    env: "STAGING",
    deployedAt: "2026-01-10T13:15:00Z",
    deployedBy: null,
    commitSha: "",
    previousTag: null,
    durationSeconds: null,
    command: null,
    origin: "HISTORY",
    verdict,
    ...more,
  };
}

const hourMs = 3_600_000;
const gone = new Set<JudgedDeploy>();

/**
 * A gateway with these deploys, newest first. It changes before each look by `next`, and ends pages
 * after `perPage`.
 */
function createGateway(deploys: readonly JudgedDeploy[], { perPage = 100, next = () => deploys } = {}) {
  const asked: string[] = [];
  let listed = deploys;
  const queryPartial = async (document: unknown, variables: any) => {
    if (document === Verdict) {
      asked.push(variables.id);
      const node = listed.find((one) => one.id === variables.id && !gone.has(one)) ?? null;
      return { data: { node }, errors: [] };
    }
    if (!variables.after) listed = next();
    if (document === LatestDeploys) {
      return { data: { latestDeploys: listed.filter(({ state }) => state !== "FAILED") }, errors: [] };
    }
    expect(document).toBe(Deploys);
    const from = Number(variables.after ?? 0);
    const ofTag = listed.filter(({ tag }) => variables.tag === undefined || tag === variables.tag);
    const end = from + perPage;
    const pageInfo = { hasNextPage: end < ofTag.length, endCursor: String(end) };
    return { data: { deploys: { nodes: ofTag.slice(from, end), pageInfo } }, errors: [] };
  };
  return { client: { queryPartial } as unknown as Pick<OpsClient, "queryPartial">, asked };
}

const onWait = () => expect.fail("It waits");
/** The verdict on v3, which must not be waited for. */
const judge = async (...deploys: readonly JudgedDeploy[]) => {
  const { client } = createGateway(deploys);
  const { outcome, unjudgeable } = await waitForVerdict(client, { tag: "v3", waitMs: hourMs, onWait });
  return [outcome, unjudgeable];
};

it("a release of other services alone is never judged, without a wait", async () => {
  const foreign = [deploy("bother", others), deploy("shop", others)];
  expect(await judge(...foreign)).toEqual(["NOT_ENOUGH_DATA", "OTHER_SERVICE"]);
  const { client } = createGateway(foreign);
  expect(await waitForVerdict(client, { tag: "v3", waitMs: hourMs })).toMatchObject({
    deploys: [{ service: "bother" }, { service: "shop" }],
    otherServices: [],
  });
});

it("deploys of other services decide nothing where there are own ones", async () => {
  expect(await judge(deploy("bother", others), deploy("bq", worse))).toEqual(["REGRESSED", null]);
  expect(await judge(deploy("bother", others), deploy("bq", clean))).toEqual(["CLEAN", null]);
  const { client } = createGateway([deploy("bother", others), deploy("bq", clean)]);
  expect(await waitForVerdict(client, { tag: "v3" })).toMatchObject({
    deploys: [{ service: "bq" }],
    otherServices: [{ service: "bother" }],
  });
  const asked = await waitForVerdict(client, { tag: "v3", service: "bother", waitMs: hourMs, onWait });
  expect(asked).toMatchObject({ unjudgeable: "OTHER_SERVICE", deploys: [{ service: "bother" }] });
});

it("the worst verdict is that of the release", async () => {
  expect(await judge(deploy("a", clean), deploy("b", thin), deploy("c", worse))).toEqual(["REGRESSED", null]);
  expect(await judge(deploy("a", clean), deploy("b", clean))).toEqual(["CLEAN", null]);
  const { client } = createGateway([deploy("a", clean), deploy("b", thin)]);
  expect(await waitForVerdict(client, { tag: "v3" })).toMatchObject({ outcome: "NOT_ENOUGH_DATA", unjudgeable: null });
});

it("a deploy that failed is never judged, whatever the others are", async () => {
  expect(await judge(deploy("a", clean), deploy("b", failed), deploy("c", others))).toEqual([
    "NOT_ENOUGH_DATA",
    "FAILED",
  ]);
  expect(await judge(deploy("a", thin), deploy("b", failed))).toEqual(["NOT_ENOUGH_DATA", "FAILED"]);
  expect(await judge(deploy("a", worse), deploy("b", failed))).toEqual(["REGRESSED", null]);
});

it("a newest deploy that failed counts without a tag, no older one", async () => {
  const at = (minute: number) => ({ deployedAt: `2026-01-10T13:${minute}:00Z` });
  const broken = (service: string, minute: number) => deploy(service, failed, { state: "FAILED", ...at(minute) });
  const look = async (...deploys: readonly JudgedDeploy[]) => {
    const { client, asked } = createGateway(deploys);
    const { outcome, unjudgeable } = await waitForVerdict(client, { waitMs: hourMs, onWait });
    return [outcome, unjudgeable, asked.length];
  };
  const unjudged = ["NOT_ENOUGH_DATA", "FAILED"];
  expect(await look(deploy("a", clean, at(20)), broken("a", 10))).toEqual(["CLEAN", null, 1]);
  expect(await look(broken("a", 20), deploy("a", clean, at(10)))).toEqual([...unjudged, 1]);
  expect(await look(broken("a", 20), deploy("b", clean, at(10)))).toEqual([...unjudged, 2]);
  expect(await look(broken("a", 20))).toEqual([...unjudged, 1]);
});

it("the newest deploy of each service and destination counts", async () => {
  const repeated = [
    deploy("bq", clean),
    deploy("bq", worse),
    deploy("bq", clean, { destination: "beta" }),
    deploy("bq", worse, { destination: "beta" }),
    deploy("bq", worse, { tag: "v2", destination: "old" }),
  ];
  expect(await judge(...repeated)).toEqual(["CLEAN", null]);
  const { client, asked } = createGateway(repeated);
  await waitForVerdict(client, { tag: "v3", destination: "" });
  expect(asked).toEqual([repeated[0]?.id]);
});

it("the deploy of a moving tag is found behind many of other services", async () => {
  const many = Array.from({ length: 7 }, () => deploy("bother", others));
  const { client } = createGateway([...many, deploy("bq", worse)], { perPage: 3 });
  expect(await waitForVerdict(client, { tag: "v3" })).toMatchObject({ outcome: "REGRESSED" });
});

it("the newest deploys are judged without a tag", async () => {
  const deploys = [deploy("a", clean, { tag: "v9" }), deploy("b", worse, { env: "PRODUCTION" })];
  const { client } = createGateway(deploys);
  expect((await waitForVerdict(client)).outcome).toBe("REGRESSED");
  expect((await waitForVerdict(client, { env: "STAGING" })).outcome).toBe("CLEAN");
  await expect(waitForVerdict(client, { service: "c" })).rejects.toThrow("No such deploy is known");
});

it("a wait ends as soon as the verdict is out", async () => {
  const looks = [[], [deploy("a", thin)], [deploy("a", null)], [deploy("a", worse)]];
  const { client } = createGateway([], { next: () => looks.shift() ?? [] });
  const wait = vi.fn<(soFar: unknown) => void>();
  const { outcome } = await waitForVerdict(client, { tag: "v3", waitMs: hourMs, everyMs: 1, onWait: wait });
  expect(outcome).toBe("REGRESSED");
  expect(wait.mock.calls).toEqual([
    [new OpsError("not_found", "No deploy of v3 is known")],
    [expect.objectContaining({ outcome: "NOT_ENOUGH_DATA" })],
    [expect.objectContaining({ outcome: null })],
  ]);
  expect(looks).toEqual([]);
});

it("a deploy that is gone when it is judged is not taken for none", async () => {
  const moved = deploy("bq", clean);
  gone.add(moved);
  const { client } = createGateway([deploy("bother", others), moved]);
  expect(await waitForVerdict(client, { tag: "v3" })).toMatchObject({
    outcome: null,
    unjudgeable: null,
    errors: [{ code: "not_found", message: "The deploy of v3 is no longer known" }],
  });
  const { client: rest } = createGateway([deploy("a", clean), moved]);
  expect((await waitForVerdict(rest, { tag: "v3" })).outcome).toBeNull();
});

it("an error that does not pass ends the wait", async () => {
  const refusing = (code: string) => {
    const queryPartial = vi.fn<() => Promise<never>>().mockRejectedValue(new OpsError(code, code));
    return { queryPartial, client: { queryPartial } as unknown as OpsClient };
  };
  for (const code of ["unauthorized", "not_a_gateway"]) {
    const wait = waitForVerdict(refusing(code).client, { waitMs: hourMs, onWait });
    await expect(wait).rejects.toMatchObject({ code });
  }
  const away = refusing("unreachable");
  await expect(waitForVerdict(away.client, { waitMs: 20, everyMs: 5 })).rejects.toMatchObject({ code: "unreachable" });
  expect(away.queryPartial.mock.calls.length).toBeGreaterThan(1);
});

it("a wait that is no number is none, and a signal ends one", async () => {
  const { client } = createGateway([deploy("a", thin)]);
  const answer = await waitForVerdict(client, { tag: "v3", waitMs: Number("soon"), onWait });
  expect(answer.outcome).toBe("NOT_ENOUGH_DATA");
  const stop = new AbortController();
  const left = new Error("The pipeline was stopped");
  const wait = waitForVerdict(client, {
    tag: "v3",
    waitMs: hourMs,
    signal: stop.signal,
    onWait: () => stop.abort(left),
  });
  await expect(wait).rejects.toBe(left);
});
