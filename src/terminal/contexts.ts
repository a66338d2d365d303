import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as z from "zod";
import { createClient, type OpsClient } from "../client/client.ts";

/**
 * The gateway's address is not configured, or its configuration cannot be read. The message says
 * what to do.
 */
export class ContextError extends Error {}

/** An address of the web, without a user or password, which would be shown. */
export function isAddress(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  return (protocol === "http:" || protocol === "https:") && username === "" && password === "";
}

const placeForm = z.strictObject({
  url: z.string().refine(isAddress, "must be an address such as https://ops.example.com, without a password"),
  token: z.string().min(1).optional(),
  tokenFile: z.string().min(1).optional(),
  tokenCommand: z.array(z.string()).min(1).optional(),
});
const fileForm = z.strictObject({ current: z.string().nullable(), contexts: z.record(z.string(), placeForm) });

/**
 * Where a gateway is, and where its token comes from: itself, a file, or a command that prints it.
 */
export type Place = z.infer<typeof placeForm>;

/** What the file holds. */
export type Contexts = z.infer<typeof fileForm>;

type Env = Readonly<Record<string, string | undefined>>;

export const contextNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The file of contexts: of OPS_CONFIG, else under XDG_CONFIG_HOME or ~/.config. */
export function toContextsPath(env: Env): string {
  if (env["OPS_CONFIG"]) return env["OPS_CONFIG"];
  const config = env["XDG_CONFIG_HOME"] || join(env["HOME"] || env["USERPROFILE"] || ".", ".config");
  return join(config, "wallet-core-ops", "contexts.json");
}

/**
 * Empty where there is no file. @throws ContextError where it cannot be read, is not valid, or
 * holds tokens that others may read
 */
export function readContexts(env: Env): Contexts {
  const path = toContextsPath(env);
  let text: string;
  let mode: number;
  try {
    text = readFileSync(path, "utf8");
    mode = statSync(path).mode;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { current: null, contexts: {} };
    throw new ContextError(`${path} cannot be read: ${(error as Error).message}`);
  }
  if (process.platform !== "win32" && mode & 0o077) {
    throw new ContextError(`${path} contains tokens and others can read it: run chmod 600 ${path}`);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new ContextError(`${path} is not valid JSON: correct it, or remove it and run \`wallet-core-ops login\``);
  }
  const parsed = fileForm.safeParse(content);
  if (!parsed.success) throw new ContextError(`${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Writes the file as one step, for its owner alone. @throws ContextError */
export function writeContexts(env: Env, contexts: Contexts): void {
  const path = toContextsPath(env);
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
    chmodSync(draft, 0o600);
    renameSync(draft, path);
  } catch (error) {
    throw new ContextError(`${path} cannot be written: ${(error as Error).message}`);
  }
}

interface OpenOptions {
  /** Of `--context`. */
  readonly name: string | null;
  readonly env: Env;
  readonly readFile: (path: string) => string;
}

/**
 * The place that is asked for: `--context`, OPS_CONTEXT, OPS_URL with OPS_TOKEN or OPS_TOKEN_FILE,
 * or the current context. @throws ContextError
 */
export function findPlace({ name, env }: Pick<OpenOptions, "name" | "env">): Place {
  const asked = name ?? env["OPS_CONTEXT"] ?? null;
  const url = env["OPS_URL"];
  if (asked === null && url) {
    if (!isAddress(url))
      throw new ContextError("OPS_URL must be an address such as https://ops.example.com, without a password");
    const [token, tokenFile] = [env["OPS_TOKEN"], env["OPS_TOKEN_FILE"]];
    if (!token && !tokenFile)
      throw new ContextError("OPS_URL needs OPS_TOKEN, or OPS_TOKEN_FILE with the path of a file that contains it");
    return { url, ...(token ? { token } : { tokenFile }) };
  }
  const { current, contexts } = readContexts(env);
  const chosen = asked ?? current;
  if (chosen === null) {
    throw new ContextError(
      "No gateway is chosen: run `wallet-core-ops login NAME --url URL`, or set OPS_URL and OPS_TOKEN",
    );
  }
  const place = Object.hasOwn(contexts, chosen) ? contexts[chosen] : undefined;
  if (place) return place;
  const names = Object.keys(contexts);
  throw new ContextError(
    `There is no context named ${chosen}${names.length === 0 ? "" : `: there are ${names.join(", ")}`}`,
  );
}

/** @throws ContextError */
export function openContext(options: OpenOptions): { readonly place: Place; readonly client: OpsClient } {
  const place = findPlace(options);
  return { place, client: createClient({ url: place.url, token: readToken(place, options.readFile) }) };
}

/** @throws ContextError */
export function readToken({ token, tokenFile, tokenCommand }: Place, readFile: (path: string) => string): string {
  const found = token ?? (tokenFile === undefined ? runTokenCommand(tokenCommand) : readTokenFile(tokenFile, readFile));
  const trimmed = found.trim();
  // As RFC 6750 has it; anything else would be refused by fetch, with the token in its message.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(trimmed))
    throw new ContextError("The token is empty or contains a character that is not allowed");
  return trimmed;
}

function readTokenFile(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (error) {
    throw new ContextError(`Could not read the token: ${(error as Error).message}`);
  }
}

function runTokenCommand(command: readonly string[] | undefined): string {
  const [file, ...args] = command ?? [];
  if (file === undefined) throw new ContextError("The context has no token: run `wallet-core-ops login` again");
  try {
    return execFileSync(file, args, { encoding: "utf8", stdio: ["inherit", "pipe", "inherit"], timeout: 60_000 });
  } catch (error) {
    const { status, code } = error as { readonly status?: number; readonly code?: string };
    throw new ContextError(`The command for the token failed: ${file} (${code ?? `exit code ${status}`})`);
  }
}
