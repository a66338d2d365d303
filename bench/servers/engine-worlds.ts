import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { eventLine, inspected, listed } from "../../test/support/docker-fake.ts";
import { listen } from "./listening.ts";

const toId = (index: number) => index.toString(16).padStart(64, "0");
const toName = (id: string) => `web-${id.slice(-6)}`;
const own = { service: "wallet-core", role: "web" };
const rightToLeft = "\u202E";

/** Answers of a simulated engine, all made before the first request. */
interface EngineWorld {
  readonly list: string;
  readonly inspect: (id: string) => string;
}

/** As many as a list of 4 MiB holds. */
export function manyContainers(count: number): EngineWorld {
  return {
    list: JSON.stringify(Array.from({ length: count }, (_, index) => listed(toId(index), toName(toId(index))))),
    inspect: (id) => JSON.stringify(inspected(id, toName(id))),
  };
}

/** One container, with as many labels as an answer of 4 MiB holds. */
export function manyLabels(): EngineWorld {
  const labels = Object.fromEntries(Array.from({ length: 280_000 }, (_, index) => [`k${index}`, "1"]));
  const inspection = JSON.stringify(inspected(toId(0), toName(toId(0)), { Labels: { ...labels, ...own } }));
  const list = JSON.stringify([listed(toId(0), toName(toId(0)), { Labels: { ...labels, ...own } })]);
  return { list, inspect: () => inspection };
}

/** Labels of a character that is written out as eight, which is all that these have. */
export function hostileLabels(count: number): EngineWorld {
  const long = rightToLeft.repeat(16_384);
  const hostile = { service: long, role: long, destination: long, note: long };
  return {
    list: JSON.stringify(Array.from({ length: count }, (_, index) => listed(toId(index), toName(toId(index))))),
    inspect: (id) => JSON.stringify(inspected(id, toName(id), { Labels: { ...own, ...hostile } })),
  };
}

/** An engine in this process. A list or an inspection may come in bytes, one after the other. */
export async function startEngineWorld({ list, inspect }: EngineWorld, socketPath: string) {
  const subscribers = new Set<ServerResponse>();
  let drips = false;
  const send = async (response: ServerResponse, text: string) => {
    const bytes = Buffer.from(drips ? text : "");
    for (let at = 0; at < bytes.length && !response.destroyed; at += 1) {
      response.write(bytes.subarray(at, at + 1));
      if (at % 50 === 0) await sleep(1);
    }
    response.end(drips ? "" : text);
  };
  const server = await listen(({ url = "" }, response) => {
    response.setHeader("api-version", "1.45");
    if (url.includes("/events")) {
      subscribers.add(response);
      response.once("close", () => subscribers.delete(response));
      response.flushHeaders();
    } else if (url.includes("/_ping")) response.end("OK");
    else void send(response, url.includes("/containers/json") ? list : inspect(url.split("/")[3] ?? ""));
  }, socketPath);
  return {
    ...server,
    /** From now on, answers come byte by byte. */
    drip: () => (drips = true),
    /** An event of the first container with so many attributes: 1 MB, where there are 70,000. */
    emit(attributes: number) {
      const many = Object.fromEntries(Array.from({ length: attributes }, (_, index) => [`k${index}`, "1"]));
      for (const response of subscribers) response.write(eventLine("start", toId(0), { ...many, ...own }));
    },
    /** Events of as many containers as have them, at once. */
    emitAll(count: number) {
      const lines = Array.from({ length: count }, (_, index) => eventLine("restart", toId(index), own)).join("");
      for (const response of subscribers) response.write(lines);
    },
  };
}
