import type { LabelSelector } from "../containers/kamal/rules.ts";
import { type Environment, parseEnvironment } from "../lib/environment.ts";

/** Called with each mistake. */
type Fail = (problem: string) => void;

/** A comma list of names of Kamal services and compose projects. */
export function parseServices(value: string, fail: Fail): readonly string[] {
  const services = new Set<string>();
  for (const name of split(value, ",")) {
    if (!/^[A-Za-z0-9][\w.-]*$/.test(name))
      fail(`must be names of Kamal services, separated by commas, but "${name}" is not one`);
    else if (services.has(name)) fail(`names "${name}" twice`);
    services.add(name);
  }
  return [...services];
}

/**
 * `prod=production,beta=staging`: a comma list of Kamal destinations with their environments.
 * Destinations ignore case.
 */
export function parseDestinations(value: string, fail: Fail): ReadonlyMap<string, Environment> {
  const destinations = new Map<string, Environment>();
  for (const entry of split(value, ",")) {
    const [, name, word = ""] = /^([^=\s]+)\s*=\s*(\w+)$/.exec(entry) ?? [];
    const destination = name?.toLowerCase() ?? "";
    const env = parseEnvironment(word);
    if (env === null)
      fail(`must be <destination>=staging or <destination>=production, separated by commas, but "${entry}" is not`);
    else if (destinations.has(destination)) fail(`names "${destination}" twice`);
    else destinations.set(destination, env);
  }
  return destinations;
}

/**
 * `team=wallet,tier=core;com.example.core`: label selectors separated by semicolons. A selector
 * matches a container with all of its labels; a label without a value matches any value.
 */
export function parseSelectors(value: string, fail: Fail): readonly LabelSelector[] {
  return split(value, ";").map((text) => {
    const selector = new Map<string, string | null>();
    for (const part of split(text, ",")) {
      const [, key, wanted = null] = /^([\w./-]+)\s*(?:=\s*(.*))?$/.exec(part) ?? [];
      if (key === undefined)
        fail(`must be labels, key=value or key, separated by commas, then semicolons, but "${part}" is not one`);
      else if (selector.has(key)) fail(`names the label "${key}" twice in "${text}"`);
      else selector.set(key, wanted);
    }
    return selector;
  });
}

/** The trimmed parts. Empty parts stay, because they are mistakes. */
function split(value: string, separator: string): string[] {
  return value.split(separator).map((part) => part.trim());
}
