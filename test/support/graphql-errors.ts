import type { GraphQLError } from "graphql";

/** The code of the OpsError that a field threw; undefined for any other error. */
export function codeOf({ originalError }: GraphQLError): string | undefined {
  return (originalError as { readonly code?: string } | undefined)?.code;
}
