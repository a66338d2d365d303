import { UsageError } from "../cli/command.ts";
import type { Environment } from "../client/client.ts";
import type { Options } from "./command.ts";

const names: Readonly<Record<string, Environment>> = {
  production: "PRODUCTION",
  prod: "PRODUCTION",
  staging: "STAGING",
};

export const envOption = {
  type: "string",
  short: "e",
  value: "ENV",
  about: "only of this environment: production (prod) or staging",
} as const satisfies Options[string];

/** @throws UsageError */
export function toEnv(text: string | undefined): Environment | null {
  if (text === undefined) return null;
  const env = names[text.toLowerCase()];
  if (!env) throw new UsageError(`--env must be production or staging, not '${text}'`);
  return env;
}

/** A whole number of an option. @throws UsageError */
export function toWhole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not '${text}'`);
  }
  return value;
}

/** Seconds of a length of time: `90s`, `10m`, `1h30m`, or a number of seconds. @throws UsageError */
export function toSeconds(name: string, text: string): number {
  const parts = /^\d+$/.test(text)
    ? [["", text, "s"]]
    : /^(?:\d+[dhms])+$/.test(text)
      ? [...text.matchAll(/(\d+)([dhms])/g)]
      : [];
  if (parts.length === 0) throw new UsageError(`--${name} must be a time such as 90s, 10m or 1h30m, not '${text}'`);
  const units: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1 };
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ""] ?? 0), 0);
}
