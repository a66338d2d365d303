import { toProblem } from "../../src/lib/errors.ts";

/** The code and message of a refused call; null if it succeeds. */
export function refusalOf(call: () => unknown): ReturnType<typeof toProblem> | null {
  try {
    call();
    return null;
  } catch (error) {
    return toProblem(error);
  }
}
