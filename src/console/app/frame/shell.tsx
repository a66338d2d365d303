import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ScreenPath } from "../../screens.ts";
import { now } from "../page/clock.ts";
import { lostConnection } from "../data/client.ts";
import { destinations, engines } from "../data/containers.ts";
import { failureOf } from "../data/live.ts";
import { goKeys, overlay } from "../page/keys.ts";
import { signOut } from "../session/session.ts";
import { switchTheme, theme } from "../page/theme.ts";
import { href, params, path, setParams } from "../page/url.ts";
import { isOutdated, server, viewer } from "../session/viewer.ts";
import { ActionDialog } from "../parts/action.tsx";
import { explainSilentEngine, toEngineState } from "../../../facts/engine.ts";
import { capitalize, formatDuration } from "../../../facts/format.ts";
import { toSeverityTone } from "../../../facts/problem.ts";
import { toWorst } from "../../../facts/tone.ts";
import { Help } from "./help.tsx";
import { Icon } from "./icons.tsx";
import { Banner } from "../parts/notice.tsx";
import { Palette } from "./palette.tsx";
import { useProblems } from "../parts/problems.tsx";
import { Shape } from "../parts/state.tsx";

/** The rail's entry of a screen that is about one thing. */
const parents: Partial<Readonly<Record<ScreenPath, ScreenPath>>> = {
  "/container": "/containers",
  "/queue": "/queues",
  "/job": "/queues",
  "/deploy": "/deploys",
  "/host": "/hosts",
};

const names = Object.values(goKeys);

/** What is around every screen: the rail, the bar, badges, dialogs. */
export function Shell({ children }: { readonly children: ComponentChildren }) {
  const asked = useProblems();
  const problems = asked.rows ?? [];
  const isUnknown = asked.rows === null || failureOf(asked.state, "problems") !== undefined;
  const tone = toWorst(problems.map(({ severity }) => toSeverityTone(severity)));
  const current = parents[path.value] ?? path.value;
  const name = names.find(([target]) => target === current)?.[1] ?? "Now";
  useEffect(() => {
    document.title = `${problems.length > 0 ? `(${problems.length}) ` : ""}${params.value.get("name") ?? name} · wallet-core-ops`;
  }, [name, params.value, problems.length]);
  return (
    <div class="shell">
      <nav class="rail" aria-label="Screens">
        {names.map(([target, label]) => {
          const count = target === "/" ? problems.length : 0;
          const isGuess = target === "/" && isUnknown;
          return (
            <a
              key={target}
              href={href(target)}
              aria-current={target === current ? "page" : undefined}
              aria-label={
                isGuess
                  ? `${label}: problems unknown`
                  : count > 0
                    ? `${label}: ${count} ${count === 1 ? "problem" : "problems"}`
                    : label
              }
            >
              <Icon name={label.toLowerCase()} />
              {(count > 0 || isGuess) && (
                <span class={`count ${isGuess ? "neutral" : tone}`} aria-hidden="true">
                  {isGuess ? "?" : count > 99 ? "99+" : count}
                </span>
              )}
              <span class="label" aria-hidden="true">
                {label}
              </span>
            </a>
          );
        })}
        <span class="gap" />
        <a href="/graphql" aria-label="API" target="_self">
          <Icon name="api" />
          <span class="label" aria-hidden="true">
            API
          </span>
        </a>
      </nav>
      <Bar />
      <main class={path.value === "/logs" ? "content wide" : "content"} id="main">
        <Badges />
        {children}
      </main>
      {overlay.value === "palette" && <Palette />}
      {overlay.value === "help" && <Help />}
      <ActionDialog />
    </div>
  );
}

function Bar() {
  const env = params.value.get("env") ?? "";
  const seen = viewer.value?.environments ?? [];
  const destination = params.value.get("destination") ?? "";
  return (
    <header class="bar">
      <select
        class="input"
        aria-label="Environment"
        value={env}
        onChange={({ currentTarget }) => setParams({ env: currentTarget.value, destination: null }, { replace: false })}
      >
        <option value="">{seen.length > 1 ? "any environment" : (seen[0]?.toLowerCase() ?? "environment")}</option>
        {seen.length > 1 &&
          seen.map((value) => (
            <option key={value} value={value}>
              {value.toLowerCase()}
            </option>
          ))}
      </select>
      {(destinations.value.length > 1 || destination) && (
        <select
          class="input wide-only"
          aria-label="Destination"
          value={destination}
          onChange={({ currentTarget }) => setParams({ destination: currentTarget.value }, { replace: false })}
        >
          <option value="">any destination</option>
          {destinations.value.map((value) => (
            <option key={value} value={value}>
              {value}
            </option>
          ))}
        </select>
      )}
      <button type="button" class="button find" onClick={() => (overlay.value = "palette")}>
        <span class="glass" aria-hidden="true">
          ⌕
        </span>
        <span class="words">Find or do …</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <Freshness />
      <button
        type="button"
        class="button quiet"
        title="Colours: system, light, dark"
        aria-label={`Colours: ${theme.value}`}
        onClick={switchTheme}
      >
        {theme.value === "system" ? "◐" : theme.value === "light" ? "○" : "●"}
      </button>
      <button
        type="button"
        class="button quiet wide-only"
        title="Keys"
        aria-label="Keys"
        onClick={() => (overlay.value = "help")}
      >
        ?
      </button>
      <Person />
    </header>
  );
}

/** Who is signed in, with what rights. Closes on Esc and on a click elsewhere. */
function Person() {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const details = menu.current;
      if (!details?.open) return;
      if (event instanceof KeyboardEvent) {
        if (event.key !== "Escape") return;
        event.preventDefault();
        details.querySelector("summary")?.focus();
      } else if (event.target instanceof Node && details.contains(event.target)) return;
      details.open = false;
    };
    const kinds = ["pointerdown", "focusin", "keydown"] as const;
    for (const kind of kinds) document.addEventListener(kind, close, true);
    return () => {
      for (const kind of kinds) document.removeEventListener(kind, close, true);
    };
  }, []);
  return (
    <details class="person" ref={menu}>
      <summary class="cut" aria-label={`Signed in as ${viewer.value?.subject}`}>
        <span class="person-name">{viewer.value?.subject}</span> ▾
      </summary>
      <div class="menu">
        <p class="strong isolate">{viewer.value?.subject}</p>
        <p class="muted">{viewer.value?.scopes.join(", ")}</p>
        <p class="muted">wallet-core-ops {server.value?.version}</p>
        <button type="button" class="button" onClick={() => signOut()}>
          Sign out and forget the token
        </button>
      </div>
    </details>
  );
}

/** Problems that hide a part of what the console shows. */
const silences: ReadonlySet<string> = new Set(["UPSTREAM_DOWN", "QUEUE_SOURCE_DOWN", "ENGINE_UNREACHABLE"]);

/** Whether the screen shows current data. */
function Freshness() {
  const { rows, state } = useProblems();
  const failure = failureOf(state, "problems");
  const lost = lostConnection.value;
  if (lost)
    return (
      <span class="state" role="status">
        <Shape tone="bad" /> <span class="bad">lost</span>
      </span>
    );
  const silent = [
    ...engines.value
      .filter(({ ok }) => !ok)
      .map(({ name, error }) => capitalize(explainSilentEngine(name, error?.message))),
    ...(rows ?? []).filter(({ kind }) => silences.has(kind)).map(({ title }) => title),
    ...(failure ? [`Problems are unknown: ${failure.message}`] : []),
  ];
  if (silent.length > 0)
    return (
      <span class="state" role="status" title={silent.join("\n")}>
        <Shape tone="warn" /> partly live
      </span>
    );
  return (
    <span class="state" role="status">
      <Shape tone="ok" /> live
    </span>
  );
}

/** What concerns every screen. */
function Badges() {
  const lost = lostConnection.value;
  const { rows, state } = useProblems();
  const failure = failureOf(state, "problems");
  return (
    <>
      {lost && (
        <Banner tone="bad">
          The gateway has not answered for {formatDuration(Math.floor((now.value - lost.since) / 1000))}. You see its
          last answer; the console keeps retrying.
        </Banner>
      )}
      {failure && rows !== null && (
        <Banner tone="warn">
          Could not load problems: {failure.message}. You see the last known ones. Retrying ...
        </Banner>
      )}
      {isOutdated.value && (
        <Banner tone="warn">
          A newer version of this console is available.{" "}
          <a class="link" href={window.location.href} target="_self">
            Reload
          </a>
        </Banner>
      )}
      {engines.value
        .filter(({ ok }) => !ok)
        .map(({ name, error }) => (
          <Banner key={name} tone={toEngineState(false).tone}>
            {capitalize(explainSilentEngine(name, error?.message))}. For a minute, its containers stay in the list in
            their last known state, marked as stale.
          </Banner>
        ))}
    </>
  );
}
