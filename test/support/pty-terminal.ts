import { spawn } from "@lydell/node-pty";
import xterm from "@xterm/headless";

interface TerminalOptions {
  /** @default node, whose first argument may be `src/cli.ts` */
  readonly command?: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
}

/** Neighbouring cells that look the same. */
export interface ScreenRun {
  readonly text: string;
  /** 0 to 255 of the terminal's palette; null: its usual colour. */
  readonly colour: number | null;
  readonly background: number | null;
  readonly isBold: boolean;
  readonly isDim: boolean;
  readonly isInverse: boolean;
}

export interface TestTerminal extends AsyncDisposable {
  /** What a person sees: the lines of the screen, without blanks at their ends. */
  readonly lines: () => readonly string[];
  readonly text: () => string;
  /** The lines with their looks, for a picture. */
  readonly runs: () => readonly (readonly ScreenRun[])[];
  /** All that the program wrote. */
  readonly bytes: () => string;
  readonly isOtherScreen: () => boolean;
  readonly isCursorShown: () => boolean;
  readonly type: (keys: string) => void;
  readonly resize: (columns: number, rows: number) => void;
  readonly kill: (signal: string) => void;
  /** As when a person closes the window. */
  readonly close: () => void;
  readonly pid: number;
  /** Resolves when the program has ended. */
  readonly exit: Promise<{ readonly exitCode: number; readonly signal?: number | undefined }>;
}

/** Runs a program in a terminal of its own, as a person would. */
export function startTerminal({
  command = process.execPath,
  args,
  env = {},
  columns = 80,
  rows = 24,
}: TerminalOptions): TestTerminal {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const { PATH = "", HOME = "" } = process.env;
  const program = spawn(command, [...args], {
    name: "xterm-256color",
    cols: columns,
    rows,
    env: { PATH, HOME, ...env },
  });
  let bytes = "";
  program.onData((data) => {
    bytes += data;
    terminal.write(data);
  });
  let hasEnded = false;
  // A terminal answers what a program asks it, such as what it can do.
  terminal.onData((answer) => {
    if (!hasEnded) program.write(answer);
  });
  const exit = new Promise<{ exitCode: number; signal?: number | undefined }>((resolve) => {
    program.onExit((how) => {
      hasEnded = true;
      // What it wrote last is on the screen after this.
      terminal.write("", () => resolve(how));
    });
  });
  const lines = () =>
    Array.from(
      { length: terminal.rows },
      (_, index) =>
        terminal.buffer.active.getLine(terminal.buffer.active.viewportY + index)?.translateToString(true) ?? "",
    );
  return {
    lines,
    text: () => lines().join("\n"),
    runs: () => Array.from({ length: terminal.rows }, (_, index) => toRuns(terminal, index)),
    bytes: () => bytes,
    isOtherScreen: () => terminal.buffer.active.type === "alternate",
    isCursorShown: () => bytes.lastIndexOf("\u001b[?25h") >= bytes.lastIndexOf("\u001b[?25l"),
    type: (keys) => program.write(keys),
    resize: (cols, newRows) => {
      terminal.resize(cols, newRows);
      program.resize(cols, newRows);
    },
    kill: (signal) => program.kill(signal),
    close: () => (program as unknown as { destroy: () => void }).destroy(),
    pid: program.pid,
    exit,
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded) program.kill("SIGKILL");
      await exit;
      terminal.dispose();
    },
  };
}

function toRuns({ buffer: { active }, cols }: xterm.Terminal, row: number): ScreenRun[] {
  const line = active.getLine(active.viewportY + row);
  const cells = Array.from({ length: cols }, (_, column) => line?.getCell(column)).filter(
    (cell) => cell && cell.getWidth() > 0,
  );
  return cells.reduce<ScreenRun[]>((runs, cell) => {
    if (!cell) return runs;
    const look = {
      colour: cell.isFgDefault() ? null : cell.getFgColor(),
      background: cell.isBgDefault() ? null : cell.getBgColor(),
      isBold: cell.isBold() !== 0,
      isDim: cell.isDim() !== 0,
      isInverse: cell.isInverse() !== 0,
    };
    const [last, text] = [runs.at(-1), cell.getChars() || " "];
    const isSame = last && Object.entries(look).every(([name, value]) => last[name as keyof typeof look] === value);
    return isSame ? [...runs.slice(0, -1), { ...last, text: last.text + text }] : [...runs, { ...look, text }];
  }, []);
}
