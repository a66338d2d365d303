import type { Environment } from "../../domain/environment.ts";

/** Where one Docker-compatible engine listens. TLS files are paths, read at connect, so that they can be renewed. */
export type EngineAddress =
  | { readonly kind: "unix"; readonly socketPath: string }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
    };

export interface EngineOptions {
  readonly name: string;
  /** Environment of what carries none. */
  readonly env: Environment | null;
  readonly address: EngineAddress;
}
