import type { Stdio } from "../command.ts";
import { isFull, type Size } from "./layout.ts";

const escape = "\u001b[";
/** The other screen, no cursor, and no line that goes on in the next one. */
const enterText = `${escape}?1049h${escape}?25l${escape}?7l${escape}2J`;
const leaveText = `${escape}?7h${escape}?25h${escape}?1049l`;
/** Terminals that support synchronized output show everything in between at once. */
const [beginText, endText] = [`${escape}?2026h`, `${escape}?2026l`];

export interface Display {
  readonly size: () => Size;
  /**
   * Writes what differs from what was drawn before. False while the terminal has not taken the last
   * one.
   */
  readonly draw: (lines: readonly string[]) => boolean;
  /** Draws everything the next time. */
  readonly forget: () => void;
  readonly enter: () => void;
  /** Gives the terminal back as it was. */
  readonly leave: () => void;
}

/** The terminal as a screen of lines. It is given back when the process ends, whatever ends it. */
export function createDisplay({ stdin, stdout }: Stdio): Display {
  let drawn: readonly string[] = [];
  let isEntered = false;
  const leave = () => {
    if (!isEntered) return;
    isEntered = false;
    process.off("exit", leave);
    try {
      stdin.setRawMode(false);
      // Node writes to a terminal at once, also while the process ends.
      stdout.write(leaveText);
    } catch {
      // The terminal has gone.
    }
  };
  const size = () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  return {
    size,
    draw: (lines) => {
      if (stdout.writableNeedDrain) return false;
      const changed = lines.flatMap((line, index) =>
        line === drawn[index] ? [] : [`${escape}${index + 1};1H${line}${isFull(line, size()) ? "" : `${escape}K`}`],
      );
      drawn = lines;
      if (changed.length > 0 && isEntered) stdout.write(`${beginText}${changed.join("")}${endText}`);
      return true;
    },
    forget: () => {
      drawn = [];
    },
    enter: () => {
      if (isEntered) return;
      isEntered = true;
      drawn = [];
      process.on("exit", leave);
      stdin.setRawMode(true);
      stdout.write(enterText);
    },
    leave,
  };
}
