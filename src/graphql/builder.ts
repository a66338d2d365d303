import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import ScopeAuthPlugin from "@pothos/plugin-scope-auth";
import { OpsError } from "../errors.ts";
import type { OpsContext } from "./context.ts";

interface OpsSchemaTypes {
  Context: OpsContext;
  DefaultFieldNullability: false;
  AuthScopes: { read: boolean; logs: boolean; operate: boolean };
  Scalars: { DateTime: { Input: string; Output: string }; ID: { Input: string; Output: string } };
}

/** A builder without types; every file in types/ adds its own. Fields are non-null unless they say otherwise. */
export function createBuilder() {
  return new SchemaBuilder<OpsSchemaTypes>({
    plugins: [ScopeAuthPlugin, ComplexityPlugin],
    defaultFieldNullability: false,
    // Limits are a validation rule of the public door (yoga.ts); the fixed documents do not pay for them.
    complexity: { disabled: true, defaultComplexity: 1, defaultListMultiplier: 10 },
    scopeAuth: {
      authorizeOnSubscribe: true,
      treatErrorsAsUnauthorized: true,
      unauthorizedError: () => new OpsError("forbidden", "This token lacks the scope for this field"),
      authScopes: ({ principal: { scopes } }) => ({
        read: scopes.has("ops:read"),
        logs: scopes.has("ops:logs"),
        operate: scopes.has("ops:operate"),
      }),
    },
  });
}

export type Builder = ReturnType<typeof createBuilder>;
