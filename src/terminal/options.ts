import { UsageError } from "../cli/command.ts";
import type { Environment } from "../client/client.ts";
import { parseEnvironment } from "../lib/environment.ts";
import type { Options, Values } from "./command.ts";

const names = { staging: "STAGING", production: "PRODUCTION" } as const satisfies Record<string, Environment>;

export const envOption = {
  type: "string",
  short: "e",
  value: "ENV",
  about: "only this environment: production (prod) or staging (stage, stg)",
} as const satisfies Options[string];

/** @throws UsageError */
export function toEnv(text: string | undefined): Environment | null {
  if (text === undefined) return null;
  const env = parseEnvironment(text);
  if (env === null) throw new UsageError(`--env must be production or staging, not '${text}'`);
  return names[env];
}

/** A whole number of an option. @throws UsageError */
export function toWhole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not '${text}'`);
  }
  return value;
}

/**
 * Seconds of a length of time: `90s`, `10m`, `1h30m`, or a number of seconds. @throws UsageError
 */
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

/** `--output`; the first format is the usual one. */
export function outputOption<const Formats extends readonly [string, ...string[]]>(formats: Formats) {
  return {
    type: "string",
    short: "o",
    value: "FORMAT",
    choices: formats,
    default: formats[0],
    about: formats.join(", "),
  } as const satisfies Options[string];
}

const resultFormats = ["table", "json", "yaml"] as const;
export type ResultFormat = (typeof resultFormats)[number];

/** `--output` of a command with one result. */
export const resultOption = outputOption(resultFormats);

/** Options that choose by where something belongs. */
export const placeOptions = {
  env: envOption,
  service: { type: "string", value: "NAME", about: "only of this service" },
  destination: {
    type: "string",
    short: "d",
    value: "NAME",
    mayBeEmpty: true,
    about: 'only this Kamal destination; "" for none',
  },
} as const satisfies Options;

/** Where something may belong; null: anywhere. The destination "" is that of what has none. */
export interface Place {
  readonly env: Environment | null;
  readonly service: string | null;
  readonly destination: string | null;
}

/** @throws UsageError */
export function toPlace({ env, service, destination }: Values<typeof placeOptions>): Place {
  return { env: toEnv(env), service: service ?? null, destination: destination ?? null };
}

type Belonging = Pick<Place, "service" | "destination">;

/**
 * Whether a container or a deploy is of this service and destination. The environment is the
 * gateway's to filter by: it may know more of it than the row says.
 */
export function isOfPlace(row: Belonging, { service, destination }: Belonging): boolean {
  return (
    (service === null || row.service === service) && (destination === null || (row.destination ?? "") === destination)
  );
}
