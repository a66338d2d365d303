import { useEffect, useState } from "preact/hooks";
import { leaveForProvider, loadProvider, provider } from "./oidc.ts";
import { signIn, signInProblem, toToken } from "./session.ts";
import { Banner } from "../parts/notice.tsx";

/** Asks for a token, and says what that is. */
export function SignIn() {
  const [text, setText] = useState("");
  const [keep, setKeep] = useState(false);
  useEffect(() => {
    document.title = "Sign in · wallet-core-ops";
    void loadProvider();
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    const token = toToken(text);
    if (token) signIn(token, keep);
    else signInProblem.value = "This is not a token: it contains characters that are not allowed.";
  };
  return (
    <main class="card">
      <h1>wallet-core-ops</h1>
      {signInProblem.value !== null && <Banner tone="bad">{signInProblem.value}</Banner>}
      {provider.value && (
        <button type="button" class="button primary wide" onClick={() => void leaveForProvider(provider.value!, keep)}>
          Sign in with {new URL(provider.value.authorizationEndpoint).host}
        </button>
      )}
      <p>
        {provider.value ? "Or use a token of the gateway. It" : "A token"} says who you are and what you may see and do.
        The operator of the gateway creates one with <code>wallet-core-ops token</code>.
      </p>
      <form onSubmit={submit}>
        <label for="token">Token</label>
        <input
          id="token"
          class="input code"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          autofocus
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <label class="check">
          <input type="checkbox" checked={keep} onChange={({ currentTarget }) => setKeep(currentTarget.checked)} />
          Stay signed in on this device
        </label>
        <button type="submit" class="button primary">
          Sign in
        </button>
      </form>
      <details>
        <summary>How do I get a token?</summary>
        <p>On the gateway's host, someone with access to its configuration runs:</p>
        <pre>wallet-core-ops token --subject you --scopes ops:read,ops:logs --environments staging</pre>
        <p>
          <code>ops:read</code> shows everything except logs, <code>ops:logs</code> reads logs, <code>ops:operate</code>{" "}
          restarts containers and retries jobs. Unless you choose “Stay signed in”, the token stays in this tab and is
          forgotten when you close it.
        </p>
      </details>
    </main>
  );
}
