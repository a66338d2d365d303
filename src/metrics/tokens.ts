import { maySee, type Principal } from "../auth/principal.ts";
import type { TokenEnd } from "../auth/token.ts";
import { type Table, toLabels } from "./exposition.ts";

export const tokenTable: Table<TokenEnd> = {
  prefix: "ops_token",
  maxRows: 200,
  labels: ({ kid, subject }) => toLabels({ kid, subject }),
  columns: [
    {
      name: "ops_token_expires_timestamp_seconds",
      help: "When a token of the tokens file ends, unix time. A token limited to some environments sees its own alone.",
      value: ({ expiresAt }) => expiresAt / 1000,
    },
  ],
};

/** The token expiries that a caller may see, earliest first. A token limited to some environments sees only its own. */
export function toVisibleEnds(ends: readonly TokenEnd[], principal: Principal): readonly TokenEnd[] {
  const isOwn = ({ kid }: TokenEnd) => principal.auth === "tokens_file" && kid === principal.kid;
  return ends.filter((end) => maySee(principal, null) || isOwn(end)).toSorted((a, b) => a.expiresAt - b.expiresAt);
}
