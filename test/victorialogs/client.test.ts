import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { createVictoriaLogsClient, parseTarget } from "../../src/victorialogs/client.ts";
import { drip, startFakeUpstream } from "../support/fake-upstream.ts";

const never = new AbortController().signal;
const recorded = JSON.parse(readFileSync("test/victorialogs/recorded-answers.json", "utf8")) as {
  readonly answers: readonly { readonly source: string; readonly lines: readonly string[] }[];
  readonly refusal: { readonly status: number; readonly body: string };
};
const failure = (message: string) => ({ code: "log_history_unavailable", message, upstream: "victorialogs" });

describe("parseTarget", () => {
  it.each([
    ["http://vl:9428", "http://vl:9428/select/logsql/query", undefined],
    ["https://vl/a/b//?x=1#y", "https://vl/a/b/select/logsql/query", undefined],
    ["http://ops:p%40ss@vl", "http://vl/select/logsql/query", `Basic ${Buffer.from("ops:p@ss").toString("base64")}`],
  ])("of %s is the address of queries, with credentials as a header", (url, href, authorization) => {
    const { endpoint, headers } = parseTarget(url);
    expect([endpoint.href, headers["authorization"]]).toEqual([href, authorization]);
  });

  it("refuses another scheme", () => {
    expect(() => parseTarget("ftp://vl")).toThrow(TypeError);
  });
});

describe("a query", () => {
  it.each(recorded.answers)("reads the recorded answer of $source", async ({ lines }) => {
    await using upstream = await startFakeUpstream((response) =>
      response.end(lines.map((line) => `${line}\n`).join("")),
    );
    const client = createVictoriaLogsClient({ url: `${upstream.url}/logs`, timeoutMs: 20_000 });
    const { rows, isCut, bytes } = await client.query("*", never);
    expect(rows).toEqual(lines.map((line) => JSON.parse(line) as unknown));
    expect([isCut, bytes]).toEqual([false, lines.reduce((sum, line) => sum + line.length + 1, 0)]);
    expect(upstream.seen[0]).toMatchObject({ method: "POST", url: "/logs/select/logsql/query" });
    expect(Object.fromEntries(new URLSearchParams(upstream.seen[0]?.body))).toEqual({ query: "*", timeout: "20s" });
    await client.close();
    await expect.poll(() => upstream.connections()).toBe(0);
  });

  it.each([
    [recorded.refusal.status, recorded.refusal.body, "The log history rejected the query (HTTP 400)"],
    [401, "", "The log history refused the credentials (HTTP 401)"],
    [302, "", "The log history answered with a redirect (HTTP 302)"],
    [404, "", "There is no VictoriaLogs at the configured URL (HTTP 404)"],
    [429, "", "The log history answered with a server error (HTTP 429)"],
    [503, "", "The log history answered with a server error (HTTP 503)"],
    [204, "", "The answer is not from VictoriaLogs (HTTP 204)"],
    [200, "<html></html>\n", "The answer is not from VictoriaLogs"],
    [200, '["a"]\n', "The answer is not from VictoriaLogs"],
    [200, '{"_time":5}\n', "The answer is not from VictoriaLogs"],
    [200, '{"_msg":"a"}\n{"_msg":"b', "The answer is not from VictoriaLogs (it ends inside an entry)"],
  ])("fails for status %i and %j, without repeating the text", async (status, body, message) => {
    await using upstream = await startFakeUpstream((response) => response.writeHead(status).end(body));
    const observe = vi.fn<(...call: unknown[]) => void>();
    const client = createVictoriaLogsClient({ url: upstream.url, timeoutMs: 20_000, observe });
    await expect(client.query("*", never)).rejects.toMatchObject(failure(message));
    expect(observe.mock.calls).toEqual([["victorialogs", expect.any(Number), "log_history_unavailable"]]);
    await client.close();
  });

  it("stops reading an answer that is too long, and closes it", async () => {
    const row = `${JSON.stringify({ _msg: "x".repeat(1 << 20) })}\n`;
    await using upstream = await startFakeUpstream((response) => {
      const write = (): void => void (response.destroyed || response.write(row, write));
      write();
    });
    const client = createVictoriaLogsClient({ url: upstream.url, timeoutMs: 60_000 });
    const { rows, isCut } = await client.query("*", never);
    expect([rows.length, isCut]).toEqual([4, true]);
    await client.close();
  });

  it("fails for an endless entry", async () => {
    await using upstream = await startFakeUpstream((response) => {
      response.write('{"_msg":"');
      const write = (): void => void (response.destroyed || response.write("x".repeat(1 << 20), write));
      write();
    });
    const client = createVictoriaLogsClient({ url: upstream.url, timeoutMs: 60_000 });
    await expect(client.query("*", never)).rejects.toMatchObject(
      failure("The answer is not from VictoriaLogs (an entry of more than 4 MB)"),
    );
    await client.close();
  });

  it("fails at its deadline while bytes come, and where nothing listens", async () => {
    await using upstream = await startFakeUpstream((response) => drip(response));
    const client = createVictoriaLogsClient({ url: upstream.url, timeoutMs: 300 });
    await expect(client.query("*", never)).rejects.toMatchObject(
      failure("The log history did not answer in time (300 ms)"),
    );
    await client.close();
    const away = createVictoriaLogsClient({ url: "http://127.0.0.1:1" });
    await expect(away.query("*", never)).rejects.toMatchObject(
      failure("The log history is not reachable (ECONNREFUSED)"),
    );
    await away.close();
  });

  it("ends with its caller, which is no failure of the history", async () => {
    await using upstream = await startFakeUpstream((response) => drip(response));
    const observe = vi.fn<(...call: unknown[]) => void>();
    const client = createVictoriaLogsClient({ url: upstream.url, timeoutMs: 60_000, observe });
    const caller = new AbortController();
    const pending = client.query("*", caller.signal);
    await expect.poll(() => upstream.seen.length).toBe(1);
    caller.abort("gone");
    await expect(pending).rejects.toBe("gone");
    expect(observe).not.toHaveBeenCalled();
    await client.close();
  });
});
