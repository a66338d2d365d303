import { describe, expect, it } from "vitest";
import { answers, parseAddress } from "../../../../src/queues/systems/rabbitmq/client.ts";

const queue = {
  name: "payouts",
  vhost: "/",
  type: "classic",
  state: "running",
  messages: 5,
  messages_ready: 3,
  messages_unacknowledged: 2,
};

const parse = (item: object) => answers.totals.parse({ items: [item], page_count: 1 }).items[0];

const parseStats = (item: object) =>
  answers.stats.parse({ items: [{ name: "payouts", vhost: "/", ...item }], page_count: 1 }).items[0];

describe("answers of the management API", () => {
  it("survive one invalid number", () => {
    for (const odd of ["many", -1, 1.5, 1e300, null, {}, [], true]) {
      expect(parse({ ...queue, messages_ready: odd })).toMatchObject({
        name: "payouts",
        messages_ready: null,
        messages: 5,
      });
      expect(parseStats({ messages: 1, consumers: odd, message_stats: { ack: odd, ack_details: odd } })).toMatchObject({
        consumers: null,
      });
    }
    expect(parse({ ...queue, arguments: "none", state: 7 })).toMatchObject({ arguments: null, state: null });
    expect(parseStats({ messages: 1, message_stats: [] })).toMatchObject({ message_stats: null });
  });

  it("refuse what is not a list of queues", () => {
    for (const strange of [
      [],
      {},
      { items: [{ vhost: "/" }], page_count: 1 },
      { items: [], page_count: -1 },
      { items: [], page_count: 1.5 },
      { items: [queue] },
      "text",
      null,
    ]) {
      expect(answers.totals.safeParse(strange).success).toBe(false);
    }
    expect(answers.nodes.parse([[], { uptime: 5 }, {}])).toStrictEqual([[], { uptime: 5 }, {}]);
  });
});

describe("parseAddress", () => {
  it("returns a header of any credentials", () => {
    const { origin, base, headers } = parseAddress("http://ops:p%40ss%3A%25@host:15672/rabbit/");
    expect([origin, base]).toStrictEqual(["http://host:15672", "/rabbit"]);
    expect(headers["authorization"]).toBe(`Basic ${Buffer.from("ops:p@ss:%").toString("base64")}`);
    expect(parseAddress("http://host///").base).toBe("");
    expect(parseAddress("http://host/rabbit//").base).toBe("/rabbit");
    expect(parseAddress("https://host").headers).toStrictEqual({
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "wallet-core-ops",
    });
    const toHeader = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    expect(parseAddress("http://ops@host").headers["authorization"]).toBe(toHeader("ops:"));
    expect(parseAddress("http://:pass@host").headers["authorization"]).toBe(toHeader(":pass"));
    expect(parseAddress("http://host//rabbit//x").base).toBe("//rabbit//x");
    expect(parseAddress("http://a:1%00%zz@host").headers["authorization"]).toBe(
      `Basic ${Buffer.from("a:1%00%zz").toString("base64")}`,
    );
  });
});
