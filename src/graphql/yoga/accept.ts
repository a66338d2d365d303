import type { Plugin } from "graphql-yoga";
import { OpsError } from "../../lib/errors.ts";

/** The media types of /graphql. */
const offered = [
  "application/graphql-response+json",
  "application/json",
  "text/event-stream",
  "multipart/mixed",
] as const;

/**
 * How many media types of an Accept header are read. Browsers send 8; each costs Yoga a line of a
 * 406.
 */
const mostRead = 20;

/**
 * The first media types of an Accept header, for Yoga to choose from. Throws not_acceptable if it
 * has none of ours.
 */
export function toReadable(accept: string): string {
  const first = accept.split(",", mostRead);
  if (first.some(isOffered)) return first.join(",");
  const message = `The Accept header must have one of these among its first ${mostRead} types: ${offered.join(", ")}`;
  throw new OpsError("not_acceptable", message);
}

function isOffered(range: string): boolean {
  const [type = "", ...parameters] = range.toLowerCase().replaceAll(/\s/g, "").split(";");
  const charset = parameters.find((parameter) => parameter.includes("charset=")) ?? "charset=utf-8";
  if (charset !== "charset=utf-8") return false;
  return type === "*/*" || offered.some((one) => one === type || `${one.slice(0, one.indexOf("/"))}/*` === type);
}

/**
 * Yoga refuses a stream to a client that takes only JSON. Its header repeats each of our types for
 * each of the client's.
 */
export function useShortRefusal(): Plugin {
  return {
    onResponse({ response }) {
      if (response.status === 406) response.headers.set("accept", offered.join(", "));
    },
  };
}
