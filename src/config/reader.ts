import { findUnknownNames, prefix, type Variable, variables } from "./variables.ts";

/** All mistakes of the configuration, one line each, without the value of any secret. */
export class ConfigError extends Error {
  readonly issues: readonly string[];

  constructor(issues: readonly string[]) {
    super(issues.join("\n"));
    this.name = "ConfigError";
    this.issues = issues;
  }
}

export type Reader = ReturnType<typeof createReader>;

/**
 * Reads variables of the environment, and collects all mistakes in `issues`, unknown names first.
 * Empty values count as unset. Reads files only through `readFile`.
 */
export function createReader(env: Readonly<Record<string, string | undefined>>, readFile: (path: string) => string) {
  const issues = findUnknownNames(env);
  const fail = (name: string, problem: string): null => {
    issues.push(`${prefix}${name} ${problem}`);
    return null;
  };
  const read = (name: string, path: string): string | null => {
    try {
      return readFile(path);
    } catch (error) {
      // The value may be the secret itself instead of its file's path.
      const shown = /^\.{0,2}\/[\w./-]+$/.test(path) ? `: ${path}` : "";
      return fail(name, `cannot be read${shown} (${(error as NodeJS.ErrnoException).code ?? "error"})`);
    }
  };
  const text = (name: Variable): string | null => {
    const value = env[prefix + name] || null;
    const file = ("secret" in variables[name] && env[`${prefix}${name}_FILE`]) || null;
    if (file === null) return value;
    if (value !== null) return fail(name, `and ${prefix}${name}_FILE are both set: keep one`);
    return read(`${name}_FILE`, file)?.trim() || null;
  };
  const check = <T>(name: Variable, fallback: T, parse: (value: string) => T | null, expected: string): T => {
    const value = text(name);
    if (value === null) return fallback;
    return parse(value) ?? fail(name, `must be ${expected}`) ?? fallback;
  };
  /** Null when unset. */
  const list = <T>(name: Variable, parse: (value: string, fail: (problem: string) => void) => T): T | null => {
    const value = text(name);
    return value === null ? null : parse(value, (problem) => fail(name, problem));
  };
  return { env, readFile, issues, read, text, check, list };
}
