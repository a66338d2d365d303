import { useEffect, useRef, useState } from "preact/hooks";
import { OpsError } from "../../../client/error.ts";
import type { TypedDocumentString } from "../../../generated/console.ts";
import { ask, type Failure } from "./client.ts";
import { type Live, useLive } from "./live.ts";
import { appendPage, type FeedRow, type Loaded, mergePage, type Page } from "./pages.ts";

export interface Feed<Data, Row> {
  /** The newest page, which is polled, with its failures. */
  readonly head: Live<Data>;
  /** All rows that were read, newest first. Null before the first answer. */
  readonly rows: readonly FeedRow<Row>[] | null;
  /** Whether the list has older rows. */
  readonly hasOlder: boolean;
  /** Whether they are being read. */
  readonly isLoading: boolean;
  /** Why they could not be read. */
  readonly olderFailure: Failure | null;
  /** Reads the next older page. */
  readonly loadOlder: () => void;
}

interface FeedOptions<Data, Row> {
  /** Rows of a page. */
  readonly first: number;
  readonly everyMs: number;
  /** The page in an answer; null when it failed. */
  readonly toPage: (data: Data) => Page<Row> | null;
  /** The time of a row: rows older than this stay when the newest page moves on. */
  readonly toTime: (row: Row) => string | number;
  readonly skip?: boolean;
}

type Paged = { readonly first: number; readonly after?: string | null | undefined };

/**
 * A list that grows at its top: its newest page is asked for every `everyMs`, older ones on demand.
 * Rows stay once they have been read, until the variables change, or more has happened between two
 * answers than one page holds.
 */
export function useFeed<Data, Row, Variables extends Paged>(
  document: TypedDocumentString<Data, Variables>,
  variables: Omit<Variables, "first" | "after">,
  { first, everyMs, toPage, toTime, skip = false }: FeedOptions<Data, Row>,
): Feed<Data, Row> {
  const head = useLive(document, { ...variables, first, after: null } as unknown as Variables, { everyMs, skip }).value;
  const key = JSON.stringify(variables);
  const [loaded, setLoaded] = useState<(Loaded<Row> & { readonly key: string }) | null>(null);
  const [isLoading, setLoading] = useState(false);
  const [olderFailure, setOlderFailure] = useState<Failure | null>(null);
  const running = useRef<AbortController | null>(null);
  const page = head.data === undefined ? null : toPage(head.data);

  useEffect(() => {
    if (page && !head.isOld)
      setLoaded((before) => ({ key, ...mergePage(page, before?.key === key ? before : null, toTime) }));
  }, [page, head.isOld, key]);
  useEffect(() => {
    setOlderFailure(null);
    return () => running.current?.abort();
  }, [key]);

  const loadOlder = () => {
    const last = loaded?.rows.at(-1);
    if (!last || loaded?.key !== key || !loaded.hasOlder || running.current) return;
    const aborter = new AbortController();
    running.current = aborter;
    setLoading(true);
    void (async () => {
      try {
        const asked = { ...variables, first, after: last.cursor } as unknown as Variables;
        const { data, failures } = await ask(document, asked, aborter.signal);
        const found = data === null ? null : toPage(data);
        setOlderFailure(found ? null : (failures[0] ?? null));
        if (found)
          setLoaded((before) =>
            before?.key === key && before.rows.at(-1)?.cursor === last.cursor ? appendPage(before, found) : before,
          );
      } catch (error) {
        if (error instanceof OpsError) setOlderFailure(error);
        else if (!(error instanceof DOMException)) throw error;
      } finally {
        running.current = null;
        setLoading(false);
      }
    })();
  };
  return {
    head,
    rows: loaded?.rows ?? null,
    hasOlder: loaded?.hasOlder ?? false,
    isLoading,
    olderFailure,
    loadOlder,
  };
}
