import type { Endpoint } from "./endpoints.ts";
import type { RestReply } from "./handler.ts";

/** The last reply of each endpoint and variables, good for as long as its inputs are the same objects. */
export interface ReplyMemo {
  find(endpoint: Endpoint, variables: object, inputs: readonly unknown[]): RestReply | null;
  /** Returns the reply with its body as bytes, which cost less to send. */
  keep(endpoint: Endpoint, variables: object, inputs: readonly unknown[], reply: RestReply): RestReply;
}

/** At most this many replies are kept; variables are few where inputs are known. */
const limit = 32;

export function createReplyMemo(): ReplyMemo {
  const replies = new Map<string, { readonly inputs: readonly unknown[]; readonly reply: RestReply }>();
  return {
    find(endpoint, variables, inputs) {
      const kept = replies.get(toKey(endpoint, variables));
      return kept && isSame(kept.inputs, inputs) ? kept.reply : null;
    },
    keep(endpoint, variables, inputs, reply) {
      if (replies.size >= limit) replies.clear();
      const bytes = { ...reply, body: Buffer.from(reply.body) };
      replies.set(toKey(endpoint, variables), { inputs, reply: bytes });
      return bytes;
    },
  };
}

function toKey({ path }: Endpoint, variables: object): string {
  return path + JSON.stringify(variables);
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
