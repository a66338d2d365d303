import type { Environment } from "../../lib/environment.ts";

/** A machine whose engine is reached through its SSH server. */
export interface SshAddress {
  readonly kind: "ssh";
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Path of the private key, without a passphrase. */
  readonly key: string;
  /** Path of a known_hosts file: a host whose key is not in it is not talked to. */
  readonly knownHosts: string;
  /** The engine's socket there. */
  readonly socketPath: string;
}

/** Where one Docker-compatible engine listens. TLS and SSH files are paths, read at connect, so that they can be renewed. */
export type EngineAddress =
  | { readonly kind: "unix"; readonly socketPath: string }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
    }
  | SshAddress;

export interface EngineOptions {
  readonly name: string;
  /** Environment of what carries none. */
  readonly env: Environment | null;
  readonly address: EngineAddress;
  /** Where restarts go to, when not to `address`: a socket proxy that lets nothing else through. */
  readonly control?: EngineAddress | null;
}
