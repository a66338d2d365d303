import type { Steps } from "../../../lib/budget/steps.ts";

interface Node<T> {
  readonly id: number;
  /** The following nodes, by the next word of the patterns. */
  readonly next: Map<string, Node<T>>;
  readonly isAny: boolean;
  /** The values of the patterns that end here. */
  readonly values: T[];
}

/** How much work is left, in visits of nodes; below 0 the search stops. */
export interface Visits {
  left: number;
}

/** A new node counts as this many visits, because of its memory. */
const nodeVisits = 10;

/**
 * An index of values by patterns of routing keys. A pattern consists of words: `*` stands for one
 * word, `#` for any number of words. Patterns with the same beginning are compared once.
 */
export function createTopicIndex<T>(visits: Visits) {
  let nodes = 0;
  const createNode = (isAny: boolean): Node<T> => ({ id: nodes++, next: new Map(), isAny, values: [] });
  const root = createNode(false);
  return {
    add(pattern: readonly string[], value: T): void {
      let node = root;
      for (const word of pattern) {
        if (visits.left < 0) return;
        const known = node.next.get(word);
        const next = known ?? createNode(word === "#");
        if (!known) {
          visits.left -= nodeVisits;
          node.next.set(word, next);
        }
        node = next;
      }
      node.values.push(value);
    },
    /** The values whose patterns match. Ends early, with some of them, when no visits are left. */
    *find(words: readonly string[]): Steps<T[]> {
      const found: T[] = [];
      const seen = new Set<number>();
      const open: (readonly [Node<T>, number])[] = [];
      const visit = (node: Node<T> | undefined, at: number) => {
        const id = node && node.id * (words.length + 1) + at;
        if (node === undefined || id === undefined || seen.has(id)) return;
        seen.add(id);
        open.push([node, at]);
      };
      visit(root, 0);
      for (let one = open.pop(); one && visits.left >= 0; one = open.pop()) {
        yield;
        const [node, at] = one;
        visits.left -= 1;
        visit(node.next.get("#"), at);
        if (at < words.length) {
          if (node.isAny) visit(node, at + 1);
          visit(node.next.get("*"), at + 1);
          visit(node.next.get(words[at] ?? ""), at + 1);
          continue;
        }
        visits.left -= node.values.length;
        for (const value of node.values) found.push(value);
      }
      return found;
    },
  };
}
