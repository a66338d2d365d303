import { describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { createRabbitmqClient, parseAnswer } from "../../../../src/queues/systems/rabbitmq/client.ts";
import { startFakeUpstream } from "../../../support/fake-upstream.ts";
import { longestPiece } from "../../../support/steps.ts";

const never = new AbortController().signal;
const list = z.array(z.number());

/** What a question failed with, as callers see it. */
async function failureOf(asked: Promise<unknown>) {
  const error: unknown = await asked.then(
    () => "answered",
    (thrown: unknown) => thrown,
  );
  const { code, message, upstream, upstreamStatus } = error as Record<string, unknown>;
  return { code, message, upstream, upstreamStatus };
}

const toFailure = (message: string, upstreamStatus?: number) => ({
  code: "queues_unavailable",
  message,
  upstream: "queues:mq",
  upstreamStatus,
});

const noTag =
  "The RabbitMQ user may not read the management API: give it the tag monitoring (rabbitmqctl set_user_tags)";
const noHost =
  "The RabbitMQ user may not see this virtual host: give it empty permissions there (rabbitmqctl set_permissions)";
const noLogin = "RabbitMQ refused the login: check the user and the password in WALLET_CORE_OPS_RABBITMQ_URL";
const noApi = "The address of RabbitMQ does not answer as its management API does";
const because = (reason: unknown) => JSON.stringify({ error: "not_authorised", reason });

describe("createRabbitmqClient", () => {
  it("asks below /api with the credentials, and returns checked answers", async () => {
    await using upstream = await startFakeUpstream((response) => response.end("[1,2]"));
    const observe = vi.fn<(...call: unknown[]) => void>();
    const url = `${upstream.url.replace("//", "//ops:p%40ss@")}/rabbit/`;
    const client = createRabbitmqClient({ source: "mq", url, observe });
    expect(await client.get("/nodes?columns=uptime", list, never)).toEqual([1, 2]);
    expect(upstream.seen).toHaveLength(1);
    expect(upstream.seen[0]).toMatchObject({
      method: "GET",
      url: "/rabbit/api/nodes?columns=uptime",
      headers: {
        accept: "application/json",
        "accept-encoding": "identity",
        "user-agent": "wallet-core-ops",
        authorization: `Basic ${Buffer.from("ops:p@ss").toString("base64")}`,
      },
    });
    expect(observe.mock.calls).toEqual([["rabbitmq", expect.any(Number), null]]);
    expect(upstream.connections()).toBe(1);
    await client.close();
    await expect.poll(() => upstream.connections()).toBe(0);
  });

  it.each([
    [401, because("Not management user"), noTag],
    [401, because("not MONITOR user"), noTag],
    [401, because("User cannot access this Virtual Host"), noHost],
    [401, because("Login failed"), noLogin],
    [401, because(["Not management user"]), noLogin],
    [401, because(["virtual host"]), noLogin],
    [401, "Unauthorized", noLogin],
    [401, "null", noLogin],
    [403, because("Not management user"), "RabbitMQ's management API answered 403"],
    [403, because("virtual host"), "RabbitMQ's management API answered 403"],
    [
      404,
      "",
      "RabbitMQ does not have this virtual host, or the address is not its management API: check WALLET_CORE_OPS_RABBITMQ_URL",
    ],
    [302, "", "RabbitMQ's management API answered 302"],
    [500, "secret", "RabbitMQ's management API answered 500"],
  ])("explains a status: %i %s", async (status, body, message) => {
    await using upstream = await startFakeUpstream((response) => response.writeHead(status).end(body));
    const observe = vi.fn<(...call: unknown[]) => void>();
    const client = createRabbitmqClient({ source: "mq", url: upstream.url, observe });
    expect(await failureOf(client.get("/x", list, never))).toEqual(toFailure(message, status));
    expect(observe.mock.calls).toEqual([["rabbitmq", expect.any(Number), "queues_unavailable"]]);
    await client.close();
  });

  it.each(["", "<html>", "null", '["1"]', "{}"])("refuses an answer that was not asked for: %j", async (body) => {
    await using upstream = await startFakeUpstream((response) => response.end(body));
    const client = createRabbitmqClient({ source: "mq", url: upstream.url });
    expect(await failureOf(client.get("/x", list, never))).toEqual(toFailure(noApi));
    await client.close();
  });

  it("accepts an answer of the largest size, and not a byte more", async () => {
    let body = "[1,2,3,45]";
    await using upstream = await startFakeUpstream((response) => response.end(body));
    const client = createRabbitmqClient({ source: "mq", url: upstream.url, maxBytes: body.length });
    expect(await client.get("/x", list, never)).toEqual([1, 2, 3, 45]);
    body = "[1,2,3,456]";
    const message = "RabbitMQ's answer is too large: read fewer queues (vhost, include)";
    expect(await failureOf(client.get("/x", list, never))).toEqual(toFailure(message, 200));
    await client.close();
  });

  it("checks each element of a long list", async () => {
    const numbers = Array.from({ length: 1001 }, (_, index) => index);
    let body: unknown = numbers;
    await using upstream = await startFakeUpstream((response) => response.end(JSON.stringify(body)));
    const client = createRabbitmqClient({ source: "mq", url: upstream.url });
    expect(await client.get("/x", list, never)).toEqual(numbers);
    for (body of [[...numbers, "1"], ["1", ...numbers], { numbers }, "1", null])
      expect(await failureOf(client.get("/x", list, never))).toEqual(toFailure(noApi));
    await client.close();
  });

  it("takes its turn within a long list", () => {
    const text = JSON.stringify(Array.from({ length: 20_000 }, (_, index) => index));
    const longest = longestPiece((onPiece) => {
      const schema = z.array(z.number().refine(() => (onPiece(), true)));
      return parseAnswer(schema, text);
    });
    expect(longest).toBeLessThanOrEqual(500);
  });

  it("accepts answers of many queues by default", async () => {
    await using upstream = await startFakeUpstream((response) => response.end("[]".padEnd(1024 * 1024)));
    const client = createRabbitmqClient({ source: "mq", url: upstream.url });
    expect(await client.get("/x", list, never)).toEqual([]);
    await client.close();
  });

  it("asks nothing after an abort, and gives the reason", async () => {
    await using upstream = await startFakeUpstream((response) => response.end("[]"));
    const client = createRabbitmqClient({ source: "mq", url: upstream.url });
    const late = AbortSignal.abort(new DOMException("", "TimeoutError"));
    expect(await failureOf(client.get("/x", list, late))).toEqual(toFailure("RabbitMQ did not answer in time"));
    const left = "Gave up waiting for RabbitMQ: the request has ended";
    expect(await failureOf(client.get("/x", list, AbortSignal.abort()))).toEqual(toFailure(left));
    await client.get("/x", list, never);
    expect(upstream.seen).toHaveLength(1);
    await client.close();
  });

  it("does not wait for a silent broker longer than its caller", async () => {
    await using upstream = await startFakeUpstream(() => {});
    const client = createRabbitmqClient({ source: "mq", url: upstream.url });
    const leaver = new AbortController();
    const asked = failureOf(client.get("/x", list, leaver.signal));
    await expect.poll(() => upstream.seen.length).toBe(1);
    leaver.abort();
    expect(await asked).toEqual(toFailure("Gave up waiting for RabbitMQ: the request has ended"));
    await client.close();
  });

  it("names the plugin if nobody listens, and closes without a request", async () => {
    const upstream = await startFakeUpstream(() => {});
    await upstream[Symbol.asyncDispose]();
    const client = createRabbitmqClient({ source: "mq", url: upstream.url });
    await client.close();
    const message =
      "RabbitMQ's management API cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_RABBITMQ_URL, and that the plugin rabbitmq_management is enabled";
    expect(await failureOf(client.get("/x", list, never))).toEqual(toFailure(message));
    await client.close();
  });
});
