import { OpsError } from "../lib/errors.ts";

/** Deepest nesting of lists and objects: Grafana's own bodies have about ten levels. Code that reads them may be recursive. */
const maxDepth = 64;

/** Throws invalid_request for JSON that is nested too deeply, SyntaxError for invalid JSON. */
export function parseJson(text: string): unknown {
  if (isTooDeep(text)) throw new OpsError("invalid_request", `The JSON is nested more than ${maxDepth} levels deep`);
  return JSON.parse(text);
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInText = false;
  for (let index = 0; index < text.length; index += 1) {
    const sign = text[index];
    if (isInText) {
      if (sign === "\\") index += 1;
      else if (sign === '"') isInText = false;
    } else if (sign === '"') isInText = true;
    else if (sign === "[" || sign === "{") {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (sign === "]" || sign === "}") depth -= 1;
  }
  return false;
}
