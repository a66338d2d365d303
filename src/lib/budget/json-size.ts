/**
 * How much a JSON value from a client may hold; checked before code that costs more than reading
 * it.
 */
export interface JsonLimits {
  /** Elements of lists and members of objects, at all levels together. */
  readonly values: number;
  /** Levels of lists and objects. Code that reads the value may be recursive. */
  readonly depth: number;
}

/**
 * The limit that a JSON value exceeds ("more than 32 levels"); null when it is within the limits.
 * Stops at the limits.
 */
export function findExcess(value: unknown, { values, depth }: JsonLimits): string | null {
  let left = values;
  const visit = (inner: unknown, levels: number): string | null => {
    if (typeof inner !== "object" || inner === null) return null;
    if (levels === 0) return toLevels(depth);
    const held: readonly unknown[] = Array.isArray(inner) ? inner : Object.values(inner);
    left -= held.length;
    if (left < 0) return toValues(values);
    for (const one of held) {
      const excess = visit(one, levels - 1);
      if (excess !== null) return excess;
    }
    return null;
  };
  return visit(value, depth);
}

/**
 * The same for a JSON text, before it is parsed: making an object with many names takes longer than
 * its text suggests. Counts brackets and commas outside of strings, which is slightly more than the
 * number of values.
 */
export function findTextExcess(text: string, { values, depth }: JsonLimits): string | null {
  let [left, level, isInString] = [values, 0, false];
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (isInString) {
      if (unit === backslash) index += 1;
      else isInString = unit !== quote;
    } else if (unit === quote) isInString = true;
    else if (unit === comma) left -= 1;
    else if (unit === openList || unit === openObject) {
      left -= 1;
      level += 1;
    } else if (unit === closeList || unit === closeObject) level -= 1;
    if (level > depth) return toLevels(depth);
    if (left < 0) return toValues(values);
  }
  return null;
}

const [quote, backslash, comma, openList, closeList, openObject, closeObject] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
];

const toLevels = (depth: number) => `more than ${depth} levels`;
const toValues = (values: number) => `more than ${values} values`;
