import { sessionChannel } from "../screens.ts";
import { examples } from "./examples.ts";

/**
 * The script of the page, as text: it runs in the browser. GraphiQL is mounted only with a token
 * that the server has accepted, so that its first introspection is not a 401. Every request of the
 * page goes through `fetch` below, which adds the token.
 */
export const clientScript = `"use strict";
(() => {
  const storageKey = "wallet-core-ops.token";
  const endpoint = location.pathname;
  const workers = document.currentScript.dataset;
  const form = document.getElementById("token-form");
  const input = document.getElementById("token");
  const message = document.getElementById("message");
  const networkFetch = window.fetch.bind(window);
  let token = sessionStorage.getItem(storageKey) ?? "";
  let mounted = false;
  let accepted = "Token accepted.";

  // GraphiQL shows descriptions as the markup of their Markdown, by a plain text. It may hold what
  // Markdown makes, and nothing else.
  const elements = "p a code pre em strong s ul ol li h1 h2 h3 h4 h5 h6 blockquote hr br table thead tbody tr th td".split(" ");
  const clean = (inert, text) => {
    // Nothing runs or loads in a document of a parser.
    const { body } = new DOMParser().parseFromString(inert.createHTML(text), "text/html");
    for (const element of body.querySelectorAll("*")) {
      if (!elements.includes(element.localName)) {
        element.replaceWith(element.textContent);
        continue;
      }
      for (const name of element.getAttributeNames()) {
        if (name !== "href" || !/^https?:/.test(element.href)) element.removeAttribute(name);
      }
    }
    return body.innerHTML;
  };
  if (window.trustedTypes) {
    const inert = trustedTypes.createPolicy("inert", { createHTML: (text) => text });
    trustedTypes.createPolicy("default", { createHTML: (text) => clean(inert, text) });
  }

  const show = (state, text) => {
    message.dataset.state = state;
    message.textContent = text;
  };

  const showStatus = (status) => {
    if (status === 401) show("bad", "The server refused this token (401): mistyped, expired or revoked. Give another one.");
    else if (status === 429) show("bad", "Too many failed attempts (429). Wait a little, then try again.");
    else if (status >= 500) show("bad", "The server answered " + status + ". The token may be fine; try again.");
    else show("good", accepted);
  };

  window.fetch = async (resource, init = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", "Bearer " + token);
    try {
      const response = await networkFetch(resource, { ...init, headers });
      showStatus(response.status);
      return response;
    } catch (error) {
      if (error.name !== "AbortError") show("bad", "The server could not be reached.");
      throw error;
    }
  };

  self.MonacoEnvironment = {
    globalAPI: false,
    getWorkerUrl: (_module, label) =>
      label === "json" ? workers.jsonWorker : label === "graphql" ? workers.graphqlWorker : workers.editorWorker,
  };

  // GraphiQL reads a changed query 100 ms after the change, and until then asks for the operation
  // that was there before. A run waits for it.
  let changes = 0;
  let isRunWanted = false;
  const findRunButton = () => document.querySelector(".graphiql-execute-button");
  const endChange = () => {
    changes -= 1;
    if (changes > 0 || !isRunWanted) return;
    isRunWanted = false;
    findRunButton()?.click();
  };
  const noteEvent = (event) => {
    if (!(event.target instanceof Element)) return;
    const isKey = event.type === "keydown" && event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (isKey || (event.type === "click" && findRunButton()?.contains(event.target))) {
      if (changes === 0) return;
      isRunWanted = true;
      event.preventDefault();
      event.stopPropagation();
    } else if (event.target.closest(".graphiql-tabs, .graphiql-editors")) {
      changes += 1;
      // The first wait ends after GraphiQL has handled the event, however long that takes.
      setTimeout(() => setTimeout(endChange, 150), 0);
    }
  };
  for (const type of ["click", "keydown", "input", "paste", "drop"]) document.addEventListener(type, noteEvent, true);

  // Else GraphiQL takes a click of a hand that moves 3 px for the drag of a tab, and the click is
  // lost.
  const stopDrag = (event) => {
    if (event.target instanceof Element && event.target.closest(".graphiql-tab")) event.stopPropagation();
  };
  document.addEventListener("pointerdown", stopDrag, true);

  const mount = (mayIntrospect) => {
    mounted = true;
    YogaGraphiQL.renderYogaGraphiQL(document.getElementById("root"), {
      title: "wallet-core-ops",
      logo: "",
      endpoint,
      // With null it does not ask for the schema, which the server would refuse.
      ...(!mayIntrospect && { schema: null }),
      // Subscriptions too: else their variables would be in addresses, which proxies log.
      method: "POST",
      defaultTabs: ${JSON.stringify(examples.map((query) => ({ query })))},
      // What people type as a header is often a secret: not kept. Nor is the query put into the
      // address bar.
      shouldPersistHeaders: false,
      onEditQuery() {},
    });
  };

  const tryToken = async () => {
    show("", "Checking the token ...");
    const headers = { "content-type": "application/json" };
    const asked = { method: "POST", headers, body: '{"query":"{ viewer { scopes } }"}', signal: AbortSignal.timeout(30_000) };
    const response = await fetch(endpoint, asked).catch(() => null);
    if (!response?.ok) return;
    sessionStorage.setItem(storageKey, token);
    if (mounted) return void location.reload();
    const { data } = await response.json();
    const mayIntrospect = data?.viewer?.scopes.includes("ops:introspect") ?? true;
    if (!mayIntrospect) {
      accepted = "Token accepted: queries run. Documentation and completion need a token with the scope ops:introspect.";
      show("good", accepted);
    }
    mount(mayIntrospect);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim().replace(/^Bearer +/, "");
    if (!/^[\\x21-\\x7e]+$/.test(text)) {
      show("bad", "This is not a token: it contains characters that are not allowed.");
      return;
    }
    token = text;
    input.value = "";
    void tryToken();
  });
  document.getElementById("forget").addEventListener("click", () => {
    channel.postMessage({ kind: "end", token });
    end();
  });

  // The session is that of the console: see app/session/tabs.ts.
  const channel = new BroadcastChannel("${sessionChannel}");
  const end = () => {
    sessionStorage.removeItem(storageKey);
    location.reload();
  };
  channel.addEventListener("message", ({ data }) => {
    if (data.kind === "end" && token === data.token) end();
    if (data.kind === "renew" && token === data.before) {
      token = data.token;
      sessionStorage.setItem(storageKey, token);
    }
    if (data.kind === "tell" && !token) {
      token = data.token;
      void tryToken();
    }
  });
  if (token) void tryToken();
  else channel.postMessage({ kind: "ask" });
})();
`;
