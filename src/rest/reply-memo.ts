import type { Inputs } from "../graphql/execute.ts";
import type { RestReply } from "./handler.ts";

/** The last replies, each good for as long as it is made of the same objects. */
export interface ReplyMemo {
  /** Null where there is none, or where it is made of something else by now. `key` says what was asked. */
  find(key: string, inputs: Inputs | null): RestReply | null;
  /** To be told what the reply was made of before it was made and after: in between something may have changed. */
  keep(key: string, before: Inputs | null, after: Inputs | null, reply: RestReply): void;
}

/** At most this many replies are kept: then all are forgotten, since query strings are the client's. */
const limit = 32;

/** A longer body is remembered as a Buffer, which all its readers share: text is encoded for each of them, and waits for a slow one as a copy of its own. */
const longText = 16_384;

export function createReplyMemo(): ReplyMemo {
  const replies = new Map<string, { readonly inputs: Inputs; readonly reply: RestReply }>();
  return {
    find(key, inputs) {
      const kept = inputs && replies.get(toId(key, inputs));
      return kept && isSame(kept.inputs, inputs) ? kept.reply : null;
    },
    keep(key, before, after, reply) {
      if (!before || !after || !isSame(before, after)) return;
      if (replies.size >= limit) replies.clear();
      const { body } = reply;
      const shared = body.length > longText ? { ...reply, body: Buffer.from(body) } : reply;
      replies.set(toId(key, before), { inputs: before, reply: shared });
    },
  };
}

const toId = (key: string, { view }: Inputs) => `${view}:${key}`;

function isSame({ parts: a }: Inputs, { parts: b }: Inputs): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
