#!/usr/bin/env node
"use strict";
// dist/cli.cjs: runs the bundle beside it with the code that V8 compiled when it was built (script/build.ts), which saves a third of the start. Another
// version of V8 refuses that code, and compiles the bundle again. Node's own compile cache would need a folder that may be written.
if (Number.parseInt(process.versions.node, 10) < 24) {
  // Before anything that an older Node cannot run, or even read.
  process.stderr.write(`wallet-core-ops needs Node 24 or newer; this is ${process.version}\n`);
  process.exit(1);
}
const { readFileSync } = require("node:fs");
const { constants, Script } = require("node:vm");

// An answer that needs nothing of the bundle; script/build.ts writes the version.
if (process.argv[2] === "--version") {
  process.stdout.write("VERSION\n");
  return;
}

const filename = `${__dirname}/gateway.cjs`;

function readCode() {
  try {
    return readFileSync(`${__dirname}/gateway.code`);
  } catch {
    return undefined;
  }
}

const script = new Script(readFileSync(filename, "latin1"), {
  filename,
  cachedData: readCode(),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
const bundle = { exports: {} };
script.runInThisContext().call(bundle.exports, bundle.exports, require, bundle, filename, __dirname);
module.exports = script;
