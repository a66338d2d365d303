import type { Tone } from "../../../facts/tone.ts";
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { path } from "../page/url.ts";
import { missingScope } from "../session/viewer.ts";
import { Shape } from "./state.tsx";

/** A line of what happened. */
export interface Step {
  readonly tone: Tone;
  readonly text: ComponentChildren;
}

/** An action that changes the product, from the preview of what it affects to its result. */
export interface Action {
  readonly title: string;
  /** On the button: "Restart". */
  readonly verb: string;
  /**
   * What it affects; asked when the dialog opens. Rejects or returns a refusal if it is not
   * possible.
   */
  readonly preview: () => Promise<{ readonly content: ComponentChildren; readonly refusal?: string | null }>;
  /** Runs it. `report` shows its progress. Returns the last line. */
  readonly run: (reason: string, report: (step: Step) => void) => Promise<Step>;
  readonly onDone?: () => void;
}

const current = signal<Action | null>(null);

/** Opens the dialog of an action, as its button does: for links and keys. */
export function openAction(action: Action): void {
  current.value = action;
}

/**
 * A button that opens the dialog of an action. Without the right, or while `blocked` gives a
 * reason, it stays and says why.
 */
export function ActionButton({
  action,
  children,
  isQuiet = false,
  blocked = null,
}: {
  readonly action: () => Action;
  readonly children: ComponentChildren;
  readonly isQuiet?: boolean;
  readonly blocked?: string | null;
}) {
  const missing = missingScope("ops:operate") ?? blocked;
  const open = () => {
    if (missing === null) current.value = action();
  };
  return (
    <button
      type="button"
      class={`button ${isQuiet ? "quiet" : ""}`}
      aria-disabled={missing !== null}
      title={missing ?? undefined}
      onClick={open}
    >
      {children}
    </button>
  );
}

/** Where dialogs of actions appear; once, in the shell. */
export function ActionDialog() {
  const action = current.value;
  return action && <Dialog key={action.title} action={action} close={() => (current.value = null)} />;
}

function Dialog({ action, close }: { readonly action: Action; readonly close: () => void }) {
  const [preview, setPreview] = useState<{
    readonly content: ComponentChildren;
    readonly refusal?: string | null;
  } | null>(null);
  const [reason, setReason] = useState("");
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [phase, setPhase] = useState<"asking" | "running" | "done">("asking");
  const input = useRef<HTMLTextAreaElement>(null);
  const closeButton = useRef<HTMLButtonElement>(null);
  const before = useRef(document.activeElement);

  // Before it is seen: what somebody types at once is its reason, from the first letter.
  useLayoutEffect(() => input.current?.focus(), []);
  useEffect(() => {
    let isOpen = true;
    const screen = path.peek();
    const leave = path.subscribe((shown) => shown !== screen && close());
    action.preview().then(
      (found) => isOpen && setPreview(found),
      (error: unknown) => isOpen && setPreview({ content: null, refusal: toMessage(error) }),
    );
    return () => {
      isOpen = false;
      leave();
      if (before.current instanceof HTMLElement) before.current.focus();
    };
  }, []);

  const run = async (event: Event) => {
    event.preventDefault();
    if (phase !== "asking" || preview === null || preview.refusal || !reason.trim()) return;
    setPhase("running");
    const report = (step: Step) => setSteps((shown) => [...shown, step]);
    const last = await action
      .run(reason.trim(), report)
      .catch((error: unknown): Step => ({ tone: "bad", text: toMessage(error) }));
    report(last);
    setPhase("done");
    closeButton.current?.focus();
    action.onDone?.();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape") close();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void run(event);
    if (event.key === "Tab") trapFocus(event);
  };

  return (
    <>
      <div class="backdrop" onClick={close} />
      <div class="dialog" role="dialog" aria-modal="true" aria-label={action.title} onKeyDown={onKeyDown}>
        <form onSubmit={(event) => void run(event)}>
          <h2>{action.title}</h2>
          {preview === null ? <p class="muted">Checking what this affects …</p> : preview.content}
          {preview?.refusal && (
            <p class="banner bad" role="alert">
              <Shape tone="bad" /> {preview.refusal}
            </p>
          )}
          <label for="reason">Reason (kept in the audit record)</label>
          <textarea
            id="reason"
            class="input"
            ref={input}
            rows={2}
            maxLength={200}
            required
            value={reason}
            readOnly={phase !== "asking"}
            onInput={({ currentTarget }) => setReason(currentTarget.value)}
          />
          {steps.length > 0 && (
            <div class="steps" role="log">
              {steps.map(({ tone, text }, index) => (
                <p key={index}>
                  <Shape tone={tone} /> {text}
                </p>
              ))}
            </div>
          )}
          <div class="actions">
            <button type="button" class="button" ref={closeButton} onClick={close}>
              {phase === "asking" ? "Cancel" : phase === "done" ? "Close" : "Close (continues in the background)"}
            </button>
            {phase !== "done" && (
              <button
                type="submit"
                class="button danger primary"
                disabled={phase === "running" || preview === null || Boolean(preview.refusal) || !reason.trim()}
              >
                {phase === "running" ? "Working …" : action.verb}
              </button>
            )}
          </div>
        </form>
      </div>
    </>
  );
}

/** The focus stays inside a dialog. */
export function trapFocus(event: KeyboardEvent): void {
  const box = event.currentTarget as HTMLElement;
  const inside = [
    ...box.querySelectorAll<HTMLElement>(
      "button:not(:disabled), input:not(:disabled), textarea:not(:disabled), a[href], select",
    ),
  ];
  const [first, last] = [inside.at(0), inside.at(-1)];
  const from = event.shiftKey ? first : last;
  if (document.activeElement !== from) return;
  event.preventDefault();
  (event.shiftKey ? last : first)?.focus();
}

function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
