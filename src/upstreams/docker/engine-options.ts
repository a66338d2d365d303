import type { EngineAddress } from "../../domain/engine-address.ts";
import type { Environment } from "../../domain/environment.ts";

export interface EngineOptions {
  readonly name: string;
  /** Environment of what carries none. */
  readonly env: Environment | null;
  readonly address: EngineAddress;
  /** Where restarts go to, when not to `address`: a socket proxy that lets nothing else through. */
  readonly control?: EngineAddress | null;
}
