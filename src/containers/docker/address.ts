import type { Environment } from "../../lib/environment.ts";

/** A machine whose engine is reached over SSH. */
export interface SshAddress {
  readonly kind: "ssh";
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Path of the private key, without a passphrase. */
  readonly key: string;
  /** Path of a known_hosts file: the gateway refuses a host whose key is not in it. */
  readonly knownHosts: string;
  /** Path of the engine's socket on that machine. */
  readonly socketPath: string;
}

/**
 * Address of one Docker-compatible engine. TLS and SSH files are paths, read at connect, so that
 * they can be renewed.
 */
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
  /** Environment of containers that name none. */
  readonly env: Environment | null;
  readonly address: EngineAddress;
  /**
   * Where restarts and health probes go, if not to `address`: a socket proxy that lets nothing else
   * through.
   */
  readonly control?: EngineAddress | null;
}
