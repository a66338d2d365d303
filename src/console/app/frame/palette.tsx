import { go as search } from "fuzzysort";
import { useEffect, useRef, useState } from "preact/hooks";
import { ConsoleDeploysDocument, ConsoleHostsDocument, ConsoleQueuesDocument } from "../../../generated/console.ts";
import { containers } from "../data/containers.ts";
import { goKeys, overlay } from "../page/keys.ts";
import { useLive } from "../data/live.ts";
import { signOut } from "../session/session.ts";
import { switchTheme } from "../page/theme.ts";
import { go, href, params } from "../page/url.ts";
import { trapFocus } from "../parts/action.tsx";

interface Entry {
  readonly kind: string;
  readonly text: string;
  readonly hint?: string;
  readonly run: () => void;
}

const mostShown = 40;

/** Ctrl/Cmd-K: finds everything by its name, with the actions on it. */
export function Palette() {
  const entries = useEntries();
  const [text, setText] = useState("");
  const [selected, setSelected] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const before = useRef(document.activeElement);
  useEffect(() => {
    input.current?.focus();
    return () => before.current instanceof HTMLElement && before.current.focus();
  }, []);
  const found = text
    ? search(text, entries, { key: "text", limit: mostShown }).map((result) => ({
        entry: result.obj,
        parts: result.highlight((part, index) => <b key={index}>{part}</b>),
      }))
    : entries.slice(0, mostShown).map((entry) => ({ entry, parts: [entry.text] }));
  const chosen = Math.min(selected, found.length - 1);
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    overlay.value = null;
    entry.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setSelected(Math.min(found.length - 1, chosen + 1));
    else if (event.key === "ArrowUp") setSelected(Math.max(0, chosen - 1));
    else if (event.key === "Enter") run(found[chosen]?.entry);
    else if (event.key === "Tab") trapFocus(event);
    else return;
    if (event.key !== "Tab") event.preventDefault();
  };
  return (
    <>
      <div class="backdrop" onClick={() => (overlay.value = null)} />
      <div class="dialog palette" role="dialog" aria-modal="true" aria-label="Find or do" onKeyDown={onKeyDown}>
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-expanded={found.length > 0}
          aria-controls="palette-results"
          aria-activedescendant={found.length > 0 ? `palette-${chosen}` : undefined}
          aria-label="Find or do"
          placeholder="Find a container, queue, host, deploy, or something to do …"
          value={text}
          onInput={({ currentTarget }) => {
            setText(currentTarget.value);
            setSelected(0);
          }}
        />
        <div class="results" role={found.length > 0 ? "listbox" : "status"} id="palette-results" aria-label="Results">
          {found.map(({ entry, parts }, index) => (
            <div
              key={`${entry.kind} ${entry.text} ${index}`}
              id={`palette-${index}`}
              role="option"
              aria-selected={index === chosen}
              ref={(element) => {
                if (index === chosen) element?.scrollIntoView({ block: "nearest" });
              }}
              onClick={() => run(entry)}
            >
              <span class="kind">{entry.kind}</span>
              <span class="cut isolate">{parts}</span>
              {entry.hint && <span class="hint cut">{entry.hint}</span>}
            </div>
          ))}
          {found.length === 0 && <p class="empty">Nothing matches.</p>}
        </div>
      </div>
    </>
  );
}

function useEntries(): readonly Entry[] {
  const queues = useLive(ConsoleQueuesDocument, {}).value.data?.queues ?? [];
  const hosts = useLive(ConsoleHostsDocument, {}).value.data?.hosts ?? [];
  const env = params.value.get("env") as "STAGING" | "PRODUCTION" | null;
  const deploys = useLive(ConsoleDeploysDocument, { env, first: 20, after: null }).value.data?.deploys?.nodes ?? [];
  const screens = Object.entries(goKeys).map(([key, [path, name]]): Entry => ({
    kind: "screen",
    text: name,
    hint: `g ${key}`,
    run: () => go(href(path)),
  }));
  const shown = containers.value ?? [];
  return [
    ...screens,
    ...shown.flatMap(({ name, engine, role }): Entry[] => [
      { kind: "container", text: name, hint: role, run: () => go(href("/container", { name, engine })) },
      { kind: "logs", text: `Logs of ${name}`, run: () => go(href("/logs", { name, engine })) },
      { kind: "action", text: `Restart ${name}`, run: () => go(href("/container", { name, engine, do: "restart" })) },
    ]),
    ...queues.map(({ name, source, state }): Entry => ({
      kind: "queue",
      text: name,
      hint: `${source}, ${state.toLowerCase()}`,
      run: () => go(href("/queue", { name, source })),
    })),
    ...hosts.map(({ name }): Entry => ({ kind: "host", text: name, run: () => go(href("/host", { name })) })),
    ...deploys.map(({ id, tag, deployedBy }): Entry => ({
      kind: "deploy",
      text: tag,
      hint: deployedBy ?? "",
      run: () => go(href("/deploy", { id })),
    })),
    { kind: "action", text: "Switch colours: system, light, dark", run: switchTheme },
    { kind: "action", text: "Sign out", run: () => signOut() },
    { kind: "screen", text: "API (GraphiQL)", run: () => window.location.assign("/graphql") },
  ];
}
