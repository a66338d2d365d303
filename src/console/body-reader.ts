import type { PublicRequest } from "../http/surface.ts";
import { OpsError } from "../lib/errors.ts";
import { toNetwork, toSite } from "../lib/network.ts";

/** Reads the bodies of requests without a token. */
export interface BodyReader {
  /**
   * Rejects as `PublicRequest.body`, with request_timeout after the deadline, and with overloaded
   * when it gives way to a newer one.
   */
  read(request: Pick<PublicRequest, "ip" | "body">, maxBytes: number): Promise<Buffer>;
}

interface BodyReaderOptions {
  /** Time for a whole body, whatever its pace. */
  readonly deadlineMs: number;
  /** Bodies of one network (/24) or site (/48) that are on their way at once. */
  readonly perNetwork: number;
  /** Bodies of all networks. */
  readonly total: number;
}

/** A body that is on its way. */
interface Reading {
  readonly network: string;
  readonly abort: AbortController;
}

/** The answer is the last one on its connection: the rest of the body is not wanted. */
const headers = { Connection: "close" };

/**
 * Reads bodies that anyone may send, so that bodies which never end block nobody. A new body is
 * always accepted: beyond `perNetwork` the oldest of its network is dropped, beyond `total` the
 * oldest of the network with the most. A body in one piece is read before any other can arrive, so
 * only unfinished ones are dropped.
 */
export function createBodyReader({ deadlineMs, perNetwork, total }: BodyReaderOptions): BodyReader {
  /** Oldest first. */
  const open = new Set<Reading>();

  const giveWay = (newest: string) => {
    const counts = new Map<string, number>();
    for (const { network } of open) counts.set(network, (counts.get(network) ?? 0) + 1);
    const isCrowded = (counts.get(newest) ?? 0) > perNetwork;
    if (!isCrowded && open.size <= total) return;
    const [largest] = [...counts].reduce((most, one) => (one[1] > most[1] ? one : most));
    const crowded = isCrowded ? newest : largest;
    for (const reading of open) {
      if (reading.network !== crowded) continue;
      open.delete(reading);
      reading.abort.abort(new OpsError("overloaded", "Too many unfinished requests from this network", { headers }));
      return;
    }
  };

  return {
    async read(request, maxBytes) {
      const reading: Reading = { network: toSite(toNetwork(request.ip ?? "")), abort: new AbortController() };
      const timeout = new OpsError("request_timeout", `The body did not arrive within ${deadlineMs / 1000} s`, {
        headers,
      });
      const timer = setTimeout(() => reading.abort.abort(timeout), deadlineMs);
      open.add(reading);
      giveWay(reading.network);
      try {
        return await request.body(maxBytes, reading.abort.signal);
      } finally {
        clearTimeout(timer);
        open.delete(reading);
      }
    },
  };
}
