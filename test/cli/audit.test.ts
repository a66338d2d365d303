import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { auditCommand } from "../../src/cli/audit.ts";
import { type ChainHead, genesis, toAuditLine } from "../../src/audit/line.ts";
import { sampleEntry, toOldLine } from "../support/audit.ts";
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

it("prints no control characters of its arguments", async () => {
  const hostile = "\u001b[2J\u009b31m\u202e.jsonl";
  const { out } = await runCommand(auditCommand, ["verify", hostile]);
  const { out: heads } = await runCommand(auditCommand, ["verify", "--head", hostile, empty]);
  expect([...out, ...heads].map((line) => line.slice(0, 4))).toEqual(["FAIL", "FAIL"]);
  expect([...out, ...heads].join("")).not.toMatch(/[\p{Cc}\u202e]/u);
});

it("a head that was noted outside is in the chain, or it exits 1", async () => {
  const [path, heads, none] = ["whole.jsonl", "heads.jsonl", "none.jsonl"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  let head: ChainHead = genesis;
  let text = "";
  const anchors: ChainHead[] = [];
  for (const version of ["old", "new", "old", "new"]) {
    // Both generations of lines are one chain.
    const made: { line: string; head: ChainHead } =
      version === "old"
        ? toOldLine(sampleEntry(), new Date(), head)
        : toAuditLine(sampleEntry(), new Date(), head, null, 1);
    head = made.head;
    text += made.line;
    anchors.push(head);
  }
  writeFileSync(path, text);
  writeFileSync(heads, anchors.map((anchor) => `${JSON.stringify(anchor)}\n`).join(""));
  writeFileSync(none, "no head\n");
  const verify = async (...args: string[]) => {
    const { code, out } = await runCommand(auditCommand, ["verify", ...args, path], {
      readFile: (name) => readFileSync(name, "utf8"),
    });
    return [code, out.join("\n").replace(`${path}: `, "")];
  };
  const last = `${head.seq}:${head.hash}`;
  expect(await verify()).toEqual([0, `ok    1 file, head seq 4 hash ${head.hash}`]);
  expect(await verify("--head", last)).toEqual([
    0,
    `ok    1 file, head seq 4 hash ${head.hash}, 1 anchor in its chain`,
  ]);
  expect(await verify("--head", heads, "--head", last)).toEqual([
    0,
    `ok    1 file, head seq 4 hash ${head.hash}, 5 anchors in its chain`,
  ]);
  expect(await verify("--head", `2:${head.hash}`)).toEqual([1, "FAIL  seq 2 is not the one that was anchored"]);
  expect(await verify("--head", none)).toEqual([1, `FAIL  ${none} has no head: lines of JSON with seq and hash`]);
  expect(await verify("--head", `${none}x`)).toEqual([
    1,
    `FAIL  ${none}x is neither SEQ:HASH nor a file that can be read (ENOENT)`,
  ]);
  writeFileSync(path, text.split("\n").slice(0, 3).join("\n").concat("\n"));
  expect(await verify()).toMatchObject([0, expect.stringContaining("head seq 3")]);
  expect(await verify("--head", heads)).toEqual([
    1,
    "FAIL  seq 4 was anchored, and is missing: the record ends at seq 3",
  ]);
});

/** A record of four entries, and a file with their heads. */
function writeRecord() {
  const [path, heads] = [join(folder, "four.jsonl"), join(folder, "four-heads.jsonl")];
  let head: ChainHead = genesis;
  const made = [1, 2, 3, 4].map(() => {
    const one = toAuditLine(sampleEntry(), new Date(), head, null, 1);
    head = one.head;
    return one;
  });
  const noted = made.map((one) => `${JSON.stringify(one.head)}\n`);
  writeFileSync(path, made.map(({ line }) => line).join(""));
  const verify = async (...args: string[]) => {
    const { code, out } = await runCommand(auditCommand, ["verify", ...args, path], {
      readFile: (name) => readFileSync(name, "utf8"),
    });
    return [code, out.join("\n").replace(`${path}: `, "")];
  };
  return { path, heads, head, lines: made.map(({ line }) => line), noted, verify };
}

it("a last line of the heads that is cut is not passed over", async () => {
  const { path, heads, head, lines, noted, verify } = writeRecord();
  writeFileSync(heads, noted.join("").slice(0, -30));
  const ok = `1 file, head seq 4 hash ${head.hash}, 3 anchors in its chain`;
  const cut = `FAIL  the last line of ${heads} is cut: it was not compared. The rest is ok: `;
  expect(await verify("--head", heads)).toEqual([1, cut + ok]);
  expect(await verify("--head", `4:${head.hash}`, "--head", heads)).toEqual([
    1,
    cut + ok.replace("3 anchors", "4 anchors"),
  ]);
  // A gateway went on after a crash: what is whole behind the cut line is newer.
  writeFileSync(heads, `${noted.slice(0, 3).join("").slice(0, -30)}\n${noted[3]}`);
  expect(await verify("--head", heads)).toEqual([0, `ok    ${ok}`]);
  // Only the newline is missing.
  writeFileSync(heads, noted.join("").slice(0, -1));
  expect(await verify("--head", heads)).toEqual([0, `ok    ${ok.replace("3 anchors", "4 anchors")}`]);
  // A fault of the record comes first.
  writeFileSync(heads, noted.slice(0, 3).join("").slice(0, -30));
  writeFileSync(path, lines.slice(0, 1).join(""));
  expect(await verify("--head", heads)).toEqual([
    1,
    "FAIL  seq 2 was anchored, and is missing: the record ends at seq 1",
  ]);
});

it("a part says how many heads it could not be compared with", async () => {
  const { path, heads, head, lines, noted, verify } = writeRecord();
  writeFileSync(path, lines.slice(2).join(""));
  writeFileSync(heads, noted.join(""));
  expect(await verify("--partial", "--head", heads)).toEqual([
    0,
    `ok    1 file, head seq 4 hash ${head.hash}, 2 anchors in its chain, 2 older than seq 3 not compared`,
  ]);
  writeFileSync(heads, noted.slice(0, 2).join(""));
  expect(await verify("--partial", "--head", heads)).toEqual([
    1,
    "FAIL  no anchor could be compared: the newest is seq 2, and this part begins at seq 3",
  ]);
});

it.each([
  [[], "The action is missing"],
  [["frob"], "Unknown action 'frob'"],
  [["verify", "a", "b"], "Unexpected argument 'b'"],
  [["verify", "--whole"], "Unknown option '--whole'"],
])("the arguments %j are refused", async (args, problem) => {
  const { code, out, err } = await runCommand(auditCommand, args);
  expect([code, out]).toEqual([2, []]);
  // Node adds advice to its own.
  expect(err[0]?.split(/\n\n|\. /)[0]).toBe(problem);
  expect(err[0]).toContain("\n\nusage: audit verify [--partial] [--head HEAD]... [FILE]\n");
});
