import { toProblem } from "../../src/lib/errors.ts";

/** The code and the message with which a call is refused; null when it is not. */
export function refusalOf(call: () => unknown): ReturnType<typeof toProblem> | null {
  try {
    call();
    return null;
  } catch (error) {
    return toProblem(error);
  }
}
