import type { Endpoint } from "./endpoints.ts";
import type { RestReply } from "./handler.ts";

/** The last reply to each endpoint and query string, good for as long as its inputs are the same objects. */
export interface ReplyMemo {
  find(endpoint: Endpoint, query: string, inputs: readonly unknown[]): RestReply | null;
  keep(endpoint: Endpoint, query: string, inputs: readonly unknown[], reply: RestReply): void;
}

/** At most this many replies are kept: then all are forgotten, since query strings are the client's. */
const limit = 32;

export function createReplyMemo(): ReplyMemo {
  const replies = new Map<string, { readonly inputs: readonly unknown[]; readonly reply: RestReply }>();
  return {
    find({ path }, query, inputs) {
      const kept = replies.get(`${path}?${query}`);
      return kept && isSame(kept.inputs, inputs) ? kept.reply : null;
    },
    keep({ path }, query, inputs, reply) {
      if (replies.size >= limit) replies.clear();
      replies.set(`${path}?${query}`, { inputs, reply });
    },
  };
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
