import { beforeEach, describe, expect, it, vi } from "vitest";
import type { EngineNow } from "../../src/graphql/containers/engines-now.ts";
import type { ReplyInputs } from "../../src/http/memo.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { versionOf } from "../../src/lib/version.ts";
import { endpoints } from "../../src/rest/endpoints.ts";
import { createRestHandler, type RestRequest } from "../../src/rest/handler.ts";
import { createCaller } from "../support/caller.ts";

const line = { timestamp: "2026-01-13T09:46:00.000000001Z", message: "one" };
const logs = { container: { name: "web", logs: { lines: [line, { ...line, message: "two" }] } } };
const json = { "content-type": "application/json; charset=utf-8" };
const plain = { "content-type": "text/plain; charset=utf-8" };

let data: object | null;
let errors: readonly OpsError[];
let inputs: ReplyInputs | null;
let engines: readonly EngineNow[];
let isLater: boolean;
const run = vi.fn<() => Promise<object>>(async () => ({ data, errors }));
const execute = vi.fn<(...asked: unknown[]) => object>(() => ({
  isVersioned: inputs !== null,
  inputs: () => (isLater ? Promise.resolve(inputs) : inputs),
  engines: () => engines,
  run,
}));
const follow = vi.fn<(...asked: unknown[]) => Promise<AsyncIterable<object>>>(async () =>
  (async function* () {
    yield { lines: [], dropped: 2, notice: null, ended: null };
  })(),
);
const openapi = vi.fn<() => string>(() => '{"openapi":"3.1.0"}');
let handle: ReturnType<typeof createRestHandler>;

beforeEach(() => {
  vi.clearAllMocks();
  [data, errors, inputs, engines, isLater] = [{}, [], null, [], false];
  handle = createRestHandler(execute as never, follow as never, openapi);
});

const caller = createCaller();
async function ask(method: string, path: string, query = "", more: Partial<RestRequest> = {}) {
  const isHead = method === "HEAD";
  const request = {
    ...caller,
    method: isHead ? "GET" : method,
    isHead,
    path: `/api/v1/admin/ops${path}`,
    query,
    headers: {},
    ...more,
  };
  return handle(request);
}

describe("an answer", () => {
  it("is the picked part of its document as JSON", async () => {
    data = { containers: [{ name: "a" }] };
    engines = [{ name: "e", ageSeconds: 0.25, code: null }];
    expect(await ask("GET", "/containers", "env=staging&include_stats=1")).toEqual({
      status: 200,
      route: "/containers",
      headers: { ...json, "x-ops-engines": '"e";age=0.3' },
      body: '[{"name":"a"}]',
    });
    const [document, variables, who] = execute.mock.lastCall ?? [];
    expect(document).toBe(endpoints[0].document);
    expect(variables).toEqual({ env: "staging", includeAccessories: false, includeStats: true });
    expect(who).toMatchObject({ principal: caller.principal });
  });

  it("of one container has its name among the variables", async () => {
    data = { container: { name: "a" } };
    expect(await ask("HEAD", "/containers/a%2d1")).toMatchObject({ route: "/containers/:name", body: '{"name":"a"}' });
    expect(execute.mock.lastCall?.[1]).toEqual({ includeAccessories: false, name: "a-1" });
  });

  it("names each engine with its age and its error", async () => {
    engines = [
      { name: "a", ageSeconds: 12.06, code: null },
      { name: "b", ageSeconds: null, code: "docker_timeout" },
      { name: "c", ageSeconds: 0, code: "docker_error" },
      { name: "d", ageSeconds: null, code: null },
    ];
    data = { containers: [] };
    expect((await ask("GET", "/containers")).headers?.["x-ops-engines"]).toBe(
      '"a";age=12.1, "b";error=docker_timeout, "c";age=0.0;error=docker_error, "d"',
    );
    engines = [];
    expect((await ask("GET", "/containers")).headers?.["x-ops-engines"]).toBe("");
  });

  it.each([
    [undefined, "", json],
    ["application/json", "", json],
    ["*/*", "", json],
    ["application/json, text/plain", "", json],
    ["text/plainer", "", json],
    ["text/plain", "", plain],
    ["text/plain;q=0.5, */*", "", plain],
    [undefined, "download=false", json],
    [undefined, "download=true", { ...plain, "content-disposition": 'attachment; filename="web.log"' }],
    ["text/plain", "download=1", { ...plain, "content-disposition": 'attachment; filename="web.log"' }],
  ])("of logs for %j with %j has the headers %j", async (accept, query, headers) => {
    data = logs;
    const text = headers === json ? JSON.stringify({ name: "web", lines: logs.container.logs.lines }) : "one\ntwo\n";
    expect(await ask("GET", "/containers/web/logs", query, { headers: { accept } })).toEqual({
      status: 200,
      route: "/containers/:name/logs",
      headers,
      body: text,
    });
  });

  it("without a text form is JSON, whatever is accepted", async () => {
    data = { containers: [] };
    expect(
      (await ask("GET", "/containers", "download=true", { headers: { accept: "text/plain" } })).headers,
    ).toMatchObject(json);
  });

  it("of a deprecated method says since when, and what explains it", async () => {
    data = { restartContainer: { ok: true } };
    const { headers } = await ask("GET", "/containers/web/restart");
    const link = '<../../openapi.json>; rel="deprecation"; type="application/json"';
    expect(headers).toEqual({ ...json, deprecation: "@1795478400", link });
    const since = new Date(Number(headers?.["deprecation"]?.slice(1)) * 1000);
    expect(since.toISOString()).toBe("2026-11-24T00:00:00.000Z");
    const explained = new URL(
      "../../openapi.json",
      "https://ops.example.com/ops/api/v1/admin/ops/containers/web/restart",
    );
    expect(explained.pathname).toBe("/ops/api/v1/admin/ops/openapi.json");
    expect((await ask("POST", "/containers/web/restart")).headers).toEqual(json);
  });

  it("is the first error if its main part is missing, or a masked one", async () => {
    const gone = new OpsError("container_not_found", "No such container");
    for (const given of [null, {}, { container: null }]) {
      [data, errors] = [given, [gone, new OpsError("internal", "x")]];
      await expect(ask("GET", "/containers/web")).rejects.toBe(gone);
    }
    errors = [];
    await expect(ask("GET", "/containers/web")).rejects.toMatchObject({ code: "internal", message: "Internal error" });
  });

  it("over the budget's size is refused, as JSON and as text", async () => {
    const message = "x".repeat(caller.budget.maxBytes);
    data = { container: { name: "web", logs: { lines: [{ message }] } } };
    for (const accept of ["application/json", "text/plain"]) {
      await expect(ask("GET", "/containers/web/logs", "", { headers: { accept } })).rejects.toMatchObject({
        code: "answer_too_large",
      });
    }
  });
});

describe("a remembered answer", () => {
  const of = (part: object): ReplyInputs => ({ view: "all", version: `${versionOf(part)}` });

  it.each([false, true])("is sent again while its inputs are the same (later: %j)", async (later) => {
    isLater = later;
    const part = {};
    inputs = of(part);
    data = { containers: [{ name: "a" }] };
    engines = [{ name: "e", ageSeconds: 9, code: null }];
    expect((await ask("GET", "/containers", "x=1")).headers?.["x-ops-engines"]).toBe('"e";age=9.0');
    engines = [{ name: "e", ageSeconds: 1, code: null }];
    const again = await ask("GET", "/containers", "x=1");
    expect(again).toMatchObject({
      status: 200,
      route: "/containers",
      headers: {
        ...json,
        "x-ops-engines": '"e";age=1.0',
        vary: "Accept-Encoding",
        etag: expect.stringMatching(/^"[\w-]{27}"$/),
      },
      body: Buffer.from('[{"name":"a"}]'),
    });
    expect(run).toHaveBeenCalledOnce();
    await ask("GET", "/containers", "x=2");
    expect(run).toHaveBeenCalledTimes(2);
    inputs = of({});
    await ask("GET", "/containers", "x=1");
    expect(run).toHaveBeenCalledTimes(3);
  });

  it("is returned at once, not as a promise", async () => {
    inputs = of({});
    data = { containers: [] };
    await ask("GET", "/containers");
    const request = {
      ...caller,
      method: "GET",
      isHead: false,
      path: "/api/v1/admin/ops/containers",
      query: "",
      headers: {},
    };
    expect(handle(request)).toMatchObject({ status: 200, body: Buffer.from("[]") });
  });

  it("is not cached if partly failed, changed meanwhile or unknown", async () => {
    data = { containers: [] };
    inputs = of({});
    errors = [new OpsError("docker_timeout", "x")];
    await ask("GET", "/containers");
    errors = [];
    run.mockImplementationOnce(async () => {
      inputs = of({});
      return { data, errors };
    });
    await ask("GET", "/containers");
    inputs = null;
    await ask("GET", "/containers");
    await ask("GET", "/containers");
    expect(run).toHaveBeenCalledTimes(4);
  });
});

describe("a followed log", () => {
  const { signal } = new AbortController();
  const openStream = vi.fn<() => object>(() => ({ signal }));

  it.each([
    [undefined, "text/event-stream; charset=utf-8", ": still here\n\n", "retry: 1000\n\n"],
    ["text/plain", "text/plain; charset=utf-8", undefined, "[2 lines dropped: this client reads too slowly]\n"],
  ])("for %j is %s", async (accept, type, heartbeat, first) => {
    const id = "2026-01-13T09:46:00.000000001Z";
    const headers = { accept, "last-event-id": id };
    const reply = await ask("GET", "/containers/web/logs", "follow=true", { headers, openStream } as never);
    const { stream, ...rest } = reply;
    expect(rest).toEqual({ status: 200, route: "/containers/:name/logs", headers: { "content-type": type }, body: "" });
    expect([stream?.heartbeat, stream?.signal]).toEqual([heartbeat, signal]);
    const chunks = stream?.chunks[Symbol.asyncIterator]();
    expect(await chunks?.next()).toEqual({ done: false, value: first });
    expect(follow.mock.lastCall?.[0]).toBe(endpoints[2].follow);
    expect(follow.mock.lastCall?.[1]).toMatchObject({
      name: "web",
      follow: true,
      tail: null,
      since: "1768297560.000000002",
    });
    expect(execute).not.toHaveBeenCalled();
  });

  it("accepts no list of ids, and no `follow=false`", async () => {
    const headers = { "last-event-id": ["a", "b"] };
    await ask("GET", "/containers/web/logs", "follow=1", { headers, openStream } as never);
    expect(follow.mock.lastCall?.[1]).not.toHaveProperty("since");
    expect(follow.mock.lastCall?.[1]).not.toHaveProperty("tail");
    data = logs;
    await ask("GET", "/containers/web/logs", "follow=false", { openStream } as never);
    expect(follow).toHaveBeenCalledOnce();
    data = { container: { name: "web" } };
    await ask("GET", "/containers/web", "follow=true", { openStream } as never);
    expect(follow).toHaveBeenCalledOnce();
  });

  it("needs GET and a place for a stream", async () => {
    const refused = { code: "invalid_request", message: "follow=true needs GET" };
    await expect(ask("HEAD", "/containers/web/logs", "follow=true", { openStream } as never)).rejects.toMatchObject(
      refused,
    );
    await expect(ask("GET", "/containers/web/logs", "follow=true")).rejects.toMatchObject(refused);
    expect(follow).not.toHaveBeenCalled();
  });

  it("takes no place if it cannot be opened", async () => {
    openStream.mockClear();
    const gone = new OpsError("container_not_found", "No such container");
    follow.mockRejectedValueOnce(gone);
    await expect(ask("GET", "/containers/web/logs", "follow=true", { openStream } as never)).rejects.toBe(gone);
    expect(openStream).not.toHaveBeenCalled();
  });
});

describe("openapi.json", () => {
  it.each(["GET", "HEAD"])("is served by %s", async (method) => {
    expect(await ask(method, "/openapi.json")).toMatchObject({
      status: 200,
      route: "/openapi.json",
      headers: { ...json, etag: expect.stringMatching(/^"[\w-]{27}"$/) },
      body: Buffer.from('{"openapi":"3.1.0"}'),
    });
  });

  it("cannot be POSTed to", async () => {
    await expect(ask("POST", "/openapi.json")).rejects.toMatchObject({
      code: "method_not_allowed",
      message: "Use GET",
      headers: { allow: "GET, HEAD" },
    });
  });
});
