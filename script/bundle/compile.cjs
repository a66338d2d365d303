"use strict";
// Runs the bundle in the folder of its argument up to its first answer, and writes the code that V8 made of it (script/build.ts). More answers would give a
// larger file, and a larger process at rest.
const { renameSync, writeFileSync } = require("node:fs");
const { Server } = require("node:http");

const folder = process.argv[2];
process.argv[2] = "serve";

const { listen } = Server.prototype;
Server.prototype.listen = function (...args) {
  this.once("listening", () => void ask(this.address().port));
  return listen.apply(this, args);
};
const script = require(`${folder}/cli.cjs`);

async function ask(port) {
  const headers = { authorization: `Bearer ${process.env.WALLET_CORE_OPS_TOKEN}` };
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/admin/ops/deploy-info`, { headers });
  if (!answer.ok) process.exit(1);
  writeFileSync(`${folder}/gateway.code.new`, script.createCachedData());
  renameSync(`${folder}/gateway.code.new`, `${folder}/gateway.code`);
  process.exit(0);
}
