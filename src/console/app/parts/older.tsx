import type { Feed } from "../data/feed.ts";
import { FailureNotice } from "./notice.tsx";

/** The end of a list: a button that reads older rows, or that there are none. */
export function Older({
  feed,
  what,
}: {
  readonly feed: Pick<Feed<unknown, unknown>, "rows" | "hasOlder" | "isLoading" | "olderFailure" | "loadOlder">;
  readonly what: string;
}) {
  if (!feed.rows || feed.rows.length === 0) return null;
  return (
    <div class="older">
      <FailureNotice failure={feed.olderFailure} what={`Older ${what}`} />
      {feed.hasOlder ? (
        <button type="button" class="button" aria-disabled={feed.isLoading} onClick={feed.loadOlder}>
          {feed.isLoading ? "Reading …" : `Older ${what}`}
        </button>
      ) : (
        <span class="muted">No older {what}.</span>
      )}
    </div>
  );
}
