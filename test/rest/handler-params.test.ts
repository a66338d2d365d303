import { describe, expect, it } from "vitest";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployInfo } from "../support/deploys.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createRest } from "../support/rest.ts";

const { sources, calls } = createMemorySources({
  containers: [sampleContainer()],
  deploy: {
    ...sampleDeployInfo,
    stale: true,
    error: "half",
    extra: [
      { key: "destination", value: "staging" },
      { key: "current_tag", value: "x" },
    ],
  },
});
const { call, get } = createRest(sources);
const name = "wallet-core-staging-web-latest";

describe("parameters", () => {
  it.each([
    ["/containers", "env=prod", "env must be staging or production"],
    ["/containers", "include_stats=yes", "include_stats must be true or false"],
    ["/containers", "include_accessories=TRUE", "include_accessories must be true or false"],
    ["/containers", "env=staging&env=production", "env is given more than once"],
    ["/containers", "include_stats=__proto__", "include_stats must be true or false"],
    [`/containers/${name}/logs`, "tail=0", "tail must be from 1 to 5000"],
    [`/containers/${name}/logs`, "tail=-1", "tail must be a whole number from 0 to 5000"],
    [`/containers/${name}/logs`, "tail=all", "tail must be a whole number from 0 to 5000"],
    [`/containers/${name}/logs`, "tail=1e3", "tail must be a whole number from 0 to 5000"],
    [`/containers/${name}/logs`, "stream=stdin", "stream must be stdout or stderr"],
    [`/containers/${name}/logs`, "since=yesterday", "since must be a time"],
    [`/containers/${name}/logs`, `search=${"x".repeat(201)}`, "search must be at most 200 characters"],
    [`/containers/${name}/logs`, "follow=maybe", "follow must be"],
    [`/containers/${name}/logs`, "level=loud", "level must be"],
    [`/containers/${name}/logs`, "search_regex=(", "must be an RE2 regular expression"],
    [`/containers/${name}/logs`, `search_regex=${"x".repeat(201)}`, "search_regex must be at most 200 characters"],
  ])("%s?%s is a 400 that names the parameter", async (path, query, message) => {
    await expect(get(path, query)).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining(message),
    });
  });

  it("are ignored if unknown, and absent if empty", async () => {
    expect(JSON.parse((await get("/containers", "x=1&env=&include_stats=0&x=2")).body)[0]).not.toHaveProperty(
      "cpu_pct",
    );
  });

  it.each([
    "/",
    "",
    "/container",
    "/containers/",
    `/containers/${name}/exec`,
    `/containers/${name}/logs/x`,
    "/containers/:name",
    "/queues/",
  ])("%s is not found", async (path) => {
    await expect(get(path)).rejects.toMatchObject({ status: 404 });
  });

  it.each(["%2e%2e", "..", "-x", "a%00b", "a%0ab", "%E2%80%AE", "x".repeat(300), "%zz", "a%2Fb", ":name", "%3Aname"])(
    "the name %s is no container's, and no upstream is asked",
    async (bad) => {
      const before = { ...calls };
      await expect(get(`/containers/${bad}`)).rejects.toMatchObject({
        code: "container_not_found",
        message: "No such container",
      });
      expect(calls).toEqual(before);
    },
  );

  it("match names exactly: no prefix, no id, no slash", async () => {
    for (const bad of [name.slice(0, -1), sampleContainer().id, sampleContainer().fullId, name.toUpperCase()]) {
      await expect(get(`/containers/${bad}`)).rejects.toMatchObject({ code: "container_not_found" });
    }
  });
});

describe("methods and formats", () => {
  it("are listed for a path in Allow", async () => {
    await expect(call("POST", "/containers")).rejects.toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
    await expect(call("POST", "/openapi.json")).rejects.toMatchObject({ status: 405 });
  });

  it("of a HEAD never restart", async () => {
    await expect(call("HEAD", `/containers/${name}/restart`)).rejects.toMatchObject({
      status: 405,
      headers: { allow: "POST, GET" },
    });
  });

  it("of logs are plain lines if only text is accepted", async () => {
    const { body, headers } = await get(`/containers/${name}/logs`, "tail=1", "text/plain");
    expect(headers).toMatchObject({ "content-type": "text/plain; charset=utf-8" });
    expect(body).toBe(`from ${sampleContainer().fullId}\n`);
    expect(JSON.parse((await get(`/containers/${name}/logs`, "tail=1")).body)).toEqual({
      name,
      truncated: false,
      lines: [
        {
          timestamp: "2026-01-13T09:46:00.000000001Z",
          stream: "stdout",
          level: null,
          message: `from ${sampleContainer().fullId}`,
        },
      ],
    });
  });

  it("of health-check are the last probe", async () => {
    expect(JSON.parse((await get(`/containers/${name}/health-check`)).body)).toEqual({
      name,
      status: "running",
      health: "healthy",
      healthy: true,
      failing_streak: 0,
      checked_at: "2026-01-13T09:45:00Z",
      age_seconds: expect.any(Number),
      output: "ok",
    });
  });

  it("of deploy_info keep other strings, and mark a stale file", async () => {
    expect(JSON.parse((await get("/deploy-info")).body)).toEqual({
      current_tag: sampleDeployInfo.currentTag,
      previous_tag: sampleDeployInfo.previousTag,
      commit_sha: "abc123",
      deployed_by: "ops-user",
      deployed_at: "2026-01-10T13:15:00Z",
      destination: "staging",
      stale: true,
    });
  });
});

describe("one name on several engines, as Kamal has it on several hosts", () => {
  const twins = ["web-1", "web-2"].map((engine) =>
    sampleContainer({ engine, fullId: engine.padEnd(64, "0"), id: engine }),
  );
  const engines = ["web-1", "web-2"].map((engine) => ({ name: engine, ok: true, error: null }));

  it("is 409 with the engines' names, and engine= chooses", async () => {
    const rest = createRest(createMemorySources({ containers: twins, engines }).sources);
    expect(JSON.parse((await rest.get("/containers")).body)).toHaveLength(2);
    await expect(rest.get(`/containers/${name}`)).rejects.toMatchObject({ status: 409, code: "container_ambiguous" });
    await expect(rest.get(`/containers/${name}`)).rejects.toThrow("web-1, web-2");
    expect(JSON.parse((await rest.get(`/containers/${name}`, "engine=web-2")).body).id).toBe("web-2");
    await expect(rest.get(`/containers/${name}`, "engine=web-3")).rejects.toMatchObject({
      code: "container_not_found",
    });
  });

  it("with a silent engine is read as known, and a restart needs engine=", async () => {
    const error = { code: "docker_timeout", message: "web-2 hangs" };
    const down = [engines[0], { name: "web-2", ok: false, runs: null, error }] as const;
    const one = createMemorySources(
      { containers: twins.slice(0, 1), engines: [...down] as never },
      { restartEnabled: true },
    );
    const rest = createRest(one.sources);
    const { headers, body } = await rest.get("/containers");
    expect(headers?.["x-ops-engines"]).toBe('"web-1", "web-2";error=docker_timeout');
    expect(JSON.parse(body)).toHaveLength(1);
    expect((await rest.get(`/containers/${name}`)).status).toBe(200);
    await expect(rest.get("/containers/other")).rejects.toMatchObject({ code: "docker_timeout", status: 504 });
    const refused = rest.call("POST", `/containers/${name}/restart`);
    await expect(refused).rejects.toMatchObject({
      code: "docker_timeout",
      message: expect.stringMatching(/: engine=web-1$/),
    });
    expect(one.calls).not.toHaveProperty("restart");
    expect((await rest.call("POST", `/containers/${name}/restart`, "engine=web-1")).status).toBe(200);
    expect(one.calls["restart"]).toBe(1);
  });
});
