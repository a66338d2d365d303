import { emitKeypressEvents, type Interface } from "node:readline";
import type { Environment } from "../../client/client.ts";
import type { Session } from "../command.ts";
import { createDisplay } from "./display.ts";
import { type Feed, startFeed } from "./feed.ts";
import { type Action, type Key, nextEnv, press } from "./keys.ts";
import { toScreen } from "./layout.ts";
import { toLists, toSections } from "./sections.ts";
import { firstView, type TopData, toQueueId } from "./state.ts";

/** 10 frames a second. */
const frameMs = 100;
/** Ages on the screen are updated. */
const tickMs = 1000;
/** After this time, an escape byte is the key Esc, and not the start of a sequence. */
const escapeMs = 50;
const resumeMs = 50;

interface RunOptions {
  readonly session: Session;
  readonly env: Environment | null;
  /** Name or address of the gateway. */
  readonly place: string;
}

/**
 * Shows the screen until the person quits. Resolves to the exit code: 0, or 130 after a signal.
 * Rejects with an OpsError when the token is refused.
 */
export async function runTop({ session, env, place }: RunOptions): Promise<number> {
  const { context, paint } = session;
  const { stdin, stdout } = context.stdio;
  const client = session.client();
  const display = createDisplay(context.stdio);
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<number>();
  const stop = new AbortController();

  let view = firstView;
  /** What a pause shows. */
  let frozen: { readonly data: TopData; readonly nowMs: number } | null = null;
  let timer: NodeJS.Timeout | null = null;
  let drawnAtMs = 0;

  const shown = () => frozen ?? { data: feed.data(), nowMs: Date.now() };
  const draw = () => {
    timer = null;
    drawnAtMs = Date.now();
    try {
      const lines = toScreen({ ...shown(), view, place }, display.size(), paint);
      if (!display.draw(lines)) stdout.once("drain", schedule);
    } catch (error) {
      fail(error);
    }
  };
  const schedule = () => {
    if (stop.signal.aborted) return;
    timer ??= setTimeout(draw, Math.max(0, drawnAtMs + frameMs - Date.now()));
  };
  const redraw = () => {
    display.forget();
    schedule();
  };

  /** After a stop: the shell has used the terminal meanwhile. */
  const resume = () => {
    display.leave();
    display.enter();
    redraw();
  };
  const suspend = () => {
    display.leave();
    process.kill(process.pid, "SIGTSTP");
    // Runs once the process continues; soon if there is no shell that could have stopped it.
    setTimeout(() => stop.signal.aborted || resume(), resumeMs);
  };
  const act = (action: Action | undefined) => {
    if (action === "quit") end(0);
    else if (action === "suspend") suspend();
    else if (action === "env") feed.setEnv(nextEnv(feed.data().env));
  };
  const onKey = (text: string | undefined, { name, ctrl, meta }: Key) => {
    const { data, nowMs } = shown();
    const lists = toLists(toSections({ data, filter: view.filter, nowMs, columns: display.size().columns }));
    const before = view;
    const { view: after, action } = press(before, { name, ctrl, meta, text }, lists);
    view = action === "env" ? { ...after, isPaused: false } : after;
    if (view.isPaused !== before.isPaused) frozen = view.isPaused ? shown() : null;
    if (view.open !== before.open)
      openErrors(feed, view.open === "detail" && view.section === "queues" ? view.id : null);
    act(action);
    schedule();
  };

  const onStop = () => end(130);
  const onGone = () => end(0);
  const feed = startFeed({
    client,
    env,
    signal: stop.signal,
    onChange: schedule,
    onEnd: fail,
    isPaused: () => view.isPaused,
  });
  emitKeypressEvents(stdin, { escapeCodeTimeout: escapeMs } as unknown as Interface);
  const tick = setInterval(schedule, tickMs);
  try {
    display.enter();
    stdin.on("keypress", onKey).on("end", onGone).on("error", onGone).resume();
    stdout.on("resize", redraw).on("error", onGone).on("close", onGone);
    process.on("SIGCONT", resume);
    context.stop.addEventListener("abort", onStop);
    if (context.stop.aborted) onStop();
    draw();
    return await ended;
  } finally {
    stop.abort();
    clearInterval(tick);
    if (timer) clearTimeout(timer);
    stdin.off("keypress", onKey).off("end", onGone).pause();
    stdout.off("resize", redraw);
    process.off("SIGCONT", resume);
    context.stop.removeEventListener("abort", onStop);
    display.leave();
  }
}

function openErrors(feed: Feed, id: string | null): void {
  feed.openQueue(feed.data().queues.value?.find((row) => toQueueId(row) === id) ?? null);
}
