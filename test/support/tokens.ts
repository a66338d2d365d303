import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scope } from "../../src/auth/principal.ts";
import { makeToken } from "../../src/cli/token.ts";
import { type Environment, environments } from "../../src/lib/environment.ts";

export interface Rights {
  readonly scopes: readonly Scope[];
  /** @default all */
  readonly environments?: readonly Environment[];
}

/**
 * A file of tokens, one for each holder, whose rights can be changed and revoked while a gateway
 * reads it.
 */
export function createTokens<Holder extends string>(holders: Readonly<Record<Holder, Rights>>, lifetimeMs = 3_600_000) {
  const folder = mkdtempSync(join(tmpdir(), "ops-tokens-"));
  const file = join(folder, "tokens.json");
  const expiresAt = new Date(Date.now() + lifetimeMs);
  const made = new Map(
    Object.entries<Rights>(holders).map(([subject, rights]) => [
      subject,
      makeToken({ subject, scopes: rights.scopes, environments: rights.environments ?? environments, expiresAt }),
    ]),
  );
  const entries = new Map<string, object>([...made].map(([subject, { entry }]) => [subject, entry]));
  const write = () => {
    writeFileSync(`${file}.new`, JSON.stringify([...entries.values()]));
    renameSync(`${file}.new`, file);
  };
  write();
  return {
    file,
    of: (holder: Holder): string => made.get(holder)?.token ?? "",
    change(holder: Holder, rights: Partial<Rights>) {
      entries.set(holder, { ...entries.get(holder), ...rights });
      write();
    },
    revoke(holder: Holder) {
      entries.delete(holder);
      write();
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
