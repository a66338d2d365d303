import type { AssetName } from "./assets.ts";

/** Address of an asset, with its version, as the page names it. */
type Link = (name: AssetName) => string;

/** The page around GraphiQL: no inline script, no inline style, nothing from elsewhere. The token never leaves this tab. */
export function renderConsole(link: Link): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>wallet-core-ops</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${link("graphiql.css")}">
<link rel="stylesheet" href="${link("console.css")}">
</head>
<body>
<form id="token-form" autocomplete="off">
<label for="token">Token</label>
<input id="token" type="password" placeholder="paste a bearer token" autocomplete="off" spellcheck="false" required>
<button type="submit">Use</button>
<button type="button" id="forget">Forget</button>
<output id="message" for="token" role="status">Give a token to begin. It stays in this tab.</output>
</form>
<main id="root"></main>
<noscript>The console needs JavaScript.</noscript>
<script src="${link("graphiql.js")}" defer></script>
<script src="${link("console.js")}" defer data-json-worker="${link("json.worker.js")}" data-graphql-worker="${link("graphql.worker.js")}" data-editor-worker="${link("editor.worker.js")}"></script>
</body>
</html>
`;
}

export const consoleCss = `html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; font: 14px/1.4 system-ui, sans-serif; }
#token-form { display: flex; gap: 8px; align-items: center; padding: 8px 12px; background: #1b2433; color: #e8edf5; }
#token { flex: 0 1 28em; min-width: 8em; padding: 4px 8px; border: 1px solid #52617a; border-radius: 4px; background: #fff; color: #111; }
#token-form button { padding: 4px 10px; border: 1px solid #52617a; border-radius: 4px; background: #2d3b52; color: inherit; cursor: pointer; }
#message[data-state="bad"] { color: #ffb3a7; font-weight: 600; }
#message[data-state="good"] { color: #9be7b0; }
#root { flex: 1; min-height: 0; overflow: hidden; }
#root .graphiql-container { height: 100%; }
`;
