import { registerHooks } from "node:module";

// Preloaded into generators of clients. They import the JavaScript API of TypeScript, which
// TypeScript 7 does not have. @ts-morph/common has that of TypeScript 6 inside. An alias of
// typescript itself would replace the command tsc in node_modules/.bin.
registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier === "typescript" ? "@ts-morph/common/dist/typescript.js" : specifier, context),
});
