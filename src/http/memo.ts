import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { compress, type Encoding, minCompressed, toEncoding, toOwnMemory } from "./compression.ts";
import { apiHeaders } from "./reply.ts";
import type { EdgeReply, EdgeRequest } from "./surface.ts";

/** What an answer depends on, where computing it is not needed to tell. */
export interface ReplyInputs {
  /** What the caller may see, as a short text. */
  readonly view: string;
  /** While this is the same, the body is the same for equal requests and views. */
  readonly version: string;
}

/** Available at once, or once its sources have answered. Null where it cannot be determined. */
export type FoundInputs = ReplyInputs | null | Promise<ReplyInputs | null>;

/** A reply that is the same for equal requests as long as its inputs are. */
export class LastingReply {
  readonly reply: EdgeReply;

  constructor(reply: EdgeReply) {
    this.reply = reply;
  }
}

/** The request to answer. `Other`: an answer that is never remembered, such as one with errors. */
interface Question<Other> {
  /** Identifies the request. */
  readonly key: string;
  /** What the answer depends on now. */
  inputs(): FoundInputs;
  /** Makes the answer if no valid one is remembered. */
  make(): Promise<LastingReply | Other>;
}

/** A reply as bytes, with their tag. */
export interface RememberedReply {
  /** As it was made, for a request other than GET and HEAD. */
  readonly plain: EdgeReply;
  /**
   * The answer to one request: 304 for a client that has it, else the body, compressed as the
   * client wants it. `more`: headers that change though the body does not. A promise only while the
   * body is compressed for the first time.
   */
  toReply(headers: EdgeRequest["headers"], more?: Readonly<Record<string, string>>): EdgeReply | Promise<EdgeReply>;
}

/** The last replies, each valid while it is built from the same inputs. */
export interface ReplyMemo {
  /**
   * The remembered reply, or a new one. Stores a lasting one if its inputs are known, and the same
   * before and after it was made. Without a promise where the remembered one is available at once:
   * a promise would be a good part of its cost.
   */
  answer<Other>(question: Question<Other>): RememberedReply | Promise<RememberedReply | Other>;
}

export function isRemembered(answer: object | null): answer is RememberedReply {
  return answer !== null && "toReply" in answer;
}

/** Clients choose the requests, so replies are limited by number and by size. */
const [maxReplies, maxBytes] = [256, 16_000_000];

export function createReplyMemo(): ReplyMemo {
  const replies = new LRUCache<string, { readonly version: string; readonly reply: RememberedReply }>({
    max: maxReplies,
    maxSize: maxBytes,
  });
  const find = (key: string, inputs: ReplyInputs | null): RememberedReply | null => {
    const found = inputs && replies.get(toId(key, inputs));
    return found && found.version === inputs.version ? found.reply : null;
  };
  const make = async <Other>(question: Question<Other>, before: ReplyInputs | null) => {
    const made = await question.make();
    if (!(made instanceof LastingReply)) return made;
    const { reply } = made;
    const remembered = remember(reply);
    const after = before && (await question.inputs());
    if (!before || !after || before.view !== after.view || before.version !== after.version) return remembered;
    const { key } = question;
    // Includes its compressed forms.
    const size = key.length + before.version.length + 2 * reply.body.length;
    replies.set(toId(key, before), { version: before.version, reply: remembered }, { size });
    return remembered;
  };
  const answer = <Other>(question: Question<Other>, now: ReplyInputs | null) =>
    find(question.key, now) ?? make(question, now);
  return {
    answer: (question) => {
      const now = question.inputs();
      return now instanceof Promise ? now.then((found) => answer(question, found)) : answer(question, now);
    },
  };
}

const toId = (key: string, { view }: ReplyInputs) => `${view}:${key}`;

/** A client must revalidate before it shows an answer again: most change within seconds. */
const revalidated = apiHeaders.map((value) => (value === "no-store" ? "private, no-cache" : value));

function remember(reply: EdgeReply): RememberedReply {
  const body = toOwnMemory(Buffer.from(reply.body));
  let hashed: string | null = null;
  // An answer to POST never needs it.
  const digest = () => (hashed ??= hash("sha1", body, "base64url"));
  const toForm = (content: Buffer, encoding: Encoding | null): EdgeReply => ({
    ...reply,
    policy: revalidated,
    body: content,
    headers: {
      ...reply.headers,
      vary: "Accept-Encoding",
      etag: toTag(digest(), encoding),
      ...(encoding && { "content-encoding": encoding }),
    },
  });
  const forms = new Map<Encoding | null, EdgeReply>();
  const find = (encoding: Encoding | null): EdgeReply | Promise<EdgeReply> => {
    const known = forms.get(encoding);
    if (known) return known;
    const keep = (content: Buffer): EdgeReply => {
      const form = toForm(content, encoding);
      forms.set(encoding, form);
      return form;
    };
    const content = encoding === null ? body : compress(body, encoding);
    return content instanceof Promise ? content.then(keep) : keep(content);
  };
  return {
    plain: { ...reply, body },
    toReply(headers, more) {
      const { "if-none-match": wanted } = headers;
      const accepted = body.length < minCompressed ? null : toEncoding(headers["accept-encoding"]);
      if (wanted !== undefined && hasTag(wanted, digest())) {
        const headersOfSame = { ...more, vary: "Accept-Encoding", etag: toTag(digest(), accepted) };
        return { ...reply, status: 304, policy: revalidated, body: "", headers: headersOfSame };
      }
      const form = find(accepted);
      const withMore = (whole: EdgeReply) => (more ? { ...whole, headers: { ...whole.headers, ...more } } : whole);
      return form instanceof Promise ? form.then(withMore) : withMore(form);
    },
  };
}

/** Each form has its own strong tag (RFC 9110, section 8.8.3.3). */
function toTag(digest: string, encoding: Encoding | null): string {
  return `"${digest}${encoding ? `-${encoding}` : ""}"`;
}

/**
 * If-None-Match compares weakly (RFC 9110, section 13.1.2); a proxy that compresses makes our tags
 * weak.
 */
function hasTag(header: string, digest: string): boolean {
  if (header.trim() === "*") return true;
  return header.split(",").some((tag) => {
    const found = /^(?:W\/)?"([\w-]{27}?)(?:-(?:br|gzip))?"$/.exec(tag.trim());
    return found?.[1] === digest;
  });
}
