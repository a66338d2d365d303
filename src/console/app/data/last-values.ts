import { passesByItself } from "../../../lib/errors.ts";
import type { Failure } from "./client.ts";

/**
 * The data of an answer, in which fields that could not be read for now have the value that they
 * had in the data `before`. `hasOld`: whether one has.
 */
export function fillWithLast<Data>(
  before: Data | undefined,
  { data, failures }: { readonly data: Data | null; readonly failures: readonly Failure[] },
): { readonly data: Data | undefined; readonly hasOld: boolean } {
  const paths = failures.filter(({ code }) => passesByItself(code)).map(({ path }) => path);
  if (!before || paths.length === 0) return { data: data ?? undefined, hasOld: false };
  if (data === null) return { data: before, hasOld: true };
  const fields = data as Readonly<Record<string, unknown>>;
  const last = Object.entries(before).filter(
    ([name, value]) => value !== null && fields[name] === null && paths.includes(name),
  );
  return { data: { ...data, ...Object.fromEntries(last) }, hasOld: last.length > 0 };
}
