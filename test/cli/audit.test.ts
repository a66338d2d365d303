import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { auditCommand } from "../../src/cli/audit.ts";
import { runCommand } from "../support/command.ts";

let folder: string;
let empty: string;
let broken: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ops-audit-"));
  [empty, broken] = [join(folder, "empty.jsonl"), join(folder, "broken.jsonl")];
  writeFileSync(empty, "");
  writeFileSync(broken, "no entry\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

const variable = "WALLET_CORE_OPS_AUDIT_FILE";

it("a whole record exits 0, another 1; arguments beat configuration", async () => {
  const whole = expect.stringMatching(/^ok {4}1 file, head seq 0 hash [0-9a-f]{64}$/) as string;
  const spoiled = expect.stringMatching(new RegExp(`^FAIL {2}${broken}: `)) as string;
  expect(await runCommand(auditCommand, ["verify", empty])).toEqual({ code: 0, out: [whole], err: [] });
  expect(await runCommand(auditCommand, ["verify", "--partial", empty])).toMatchObject({ code: 0 });
  expect(await runCommand(auditCommand, ["verify", broken])).toEqual({ code: 1, out: [spoiled], err: [] });
  const env = { [variable]: broken };
  expect(await runCommand(auditCommand, ["verify"], { env })).toMatchObject({ code: 1, out: [spoiled] });
  expect(await runCommand(auditCommand, ["verify", empty], { env })).toMatchObject({ code: 0 });
  for (const fallback of [{}, { [variable]: "" }]) {
    const { code, out } = await runCommand(auditCommand, ["verify"], { env: fallback });
    expect([code, out]).toEqual([1, ["FAIL  ./audit.jsonl cannot be read (ENOENT)"]]);
  }
});

it.each([
  [[], "What to do is missing"],
  [["frob"], "Unknown action 'frob'"],
  [["verify", "a", "b"], "Unexpected argument 'b'"],
  [["verify", "--whole"], "Unknown option '--whole'"],
])("the arguments %j are refused", async (args, problem) => {
  const { code, out, err } = await runCommand(auditCommand, args);
  expect([code, out]).toEqual([2, []]);
  // Node adds advice to its own.
  expect(err[0]?.split(/\n\n|\. /)[0]).toBe(problem);
  expect(err[0]).toContain("\n\nusage: audit verify [--partial] [FILE]\n");
});
