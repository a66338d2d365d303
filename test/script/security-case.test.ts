import { describe, expect, it } from "vitest";
import { findNotPassed, toPage } from "../../script/security-case/case.ts";
import { notCovered, sections } from "../../script/security-case/claims.ts";
import { findMistakes, findUnclaimed } from "../../script/security-case/mistakes.ts";

const [file, title] = ["a.test.ts", "%s is refused"];
const claim = { id: "A1", claim: "Bad names are refused.", tests: [[file, title] as const] };
const asked = [{ title: "Names", claims: [claim] }];
const where = `A1: test/${file} > ${title}`;

describe("the claims", () => {
  const of = (source: string) =>
    findMistakes(asked, () => `import { describe, it, test, it as check } from "vitest";\n${source}`);
  const run = '("%s is refused", () => {})';

  it.each([
    `it${run};`,
    `check${run};`,
    `test.each([1, 2])${run};`,
    `it.each\`a \${1}\`${run};`,
    `describe("names", () => { describe.each([1])("%s", () => { it${run}; }); });`,
    'it("%s is refused", { timeout: 1000, retry: 2 }, async () => {});',
    'it.each([\n  1,\n])(\n  "%s is refused",\n  () => {},\n);',
    `it.skip("another", () => {}); describe.skip("others", () => {}); it${run};`,
    `// it.skip${run};\nit${run};`,
    `it("skip", () => { given.skip(1); }); it${run};`,
    `it.each([{ skip: 1 }])${run};`,
  ])("of a test as in %s have no mistake", (source) => {
    expect(of(source)).toEqual([]);
  });

  it.each([
    [`it("another is refused", () => {});`, "no such title"],
    [`// it${run};`, "no such title"],
    [`/*\nit${run};\n*/`, "no such title"],
    [`const text = \`\nit${run};\n\`;`, "no such title"],
    [`const text = '\\\nit${run};\\\n';`, "no such title"],
    [`other${run};`, "no such title"],
    [`const it2 = it.skip; it2${run};`, "no such title"],
    [`it${run};\ntest${run};`, "several tests have this title"],
    [`it("%s is refused");`, "the test is not written"],
    ...["it.skip", "it.concurrent.skip", "it.skip.each([1])", 'it["skip"]', "test.skip"].map(
      (call) => [call + run, "the test is skipped"] as const,
    ),
    [`it.todo${run};`, "the test is not written"],
    [`it.fails${run};`, "the test is expected to fail"],
    [`it.skipIf(true)${run};`, "the test is skipped under a condition"],
    [`it.runIf(false).each([1])${run};`, "the test is skipped under a condition"],
    [`it("%s is refused", { skip: true }, () => {});`, "the test is skipped"],
    [`it("%s is refused", { fails: true }, () => {});`, "the test is expected to fail"],
    [`it("%s is refused", () => {}, { "todo": true });`, "the test is not written"],
    ...["describe.skip", "describe.skip.each([1])"].map(
      (call) => [`${call}("names", () => { it${run}; });`, "the test is skipped"] as const,
    ),
    [`describe.todo("names", () => { it${run}; });`, "the test is not written"],
    [
      `describe.runIf(a)("names", () => { describe("b", () => { it${run}; }); });`,
      "the test is skipped under a condition",
    ],
    [`describe("names", { skip: true }, () => { it${run}; });`, "the test is skipped"],
    [`it${run}; it.only("another", () => {});`, "the file has tests that run alone"],
    [`describe.only("a", () => {}); it${run};`, "the file has tests that run alone"],
  ] as const)("of a test as in %s have the mistake: %s", (source, mistake) => {
    expect(of(source)).toEqual([`${where}: ${mistake}`]);
  });

  it("of a file that is not there, or does not import vitest, have a mistake", () => {
    expect(findMistakes(asked, () => null)).toEqual([`${where}: no such file`]);
    expect(findMistakes(asked, () => `it${run};`)).toEqual([`${where}: no such title`]);
  });

  it("have an id of their own, and a test", () => {
    const empty = [{ title: "Names", claims: [claim, { ...claim, tests: [] }] }];
    const source = `import { it } from "vitest"; it${run};`;
    expect(findMistakes(empty, () => source)).toEqual(["A1: two claims have this id", "A1: no test shows it"]);
  });
});

describe("a claim in a run", () => {
  const run = (...results: readonly (readonly [title: string, status: string])[]) => [
    null,
    {
      testResults: [
        { name: `/work/test/${file}`, assertionResults: results.map(([name, status]) => ({ title: name, status })) },
      ],
    },
  ];

  it("is shown by a test all of whose cases passed", () => {
    expect(
      findNotPassed(asked, run(["a.b is refused", "passed"], ["c is refused", "passed"], ["other", "failed"])),
    ).toEqual([]);
  });

  it.each(["skipped", "pending", "todo", "failed"])("is not shown by a case that is %s", (status) => {
    expect(findNotPassed(asked, run(["a is refused", "passed"], ["c is refused", status]))).toEqual([
      `${where}: ${status}`,
    ]);
  });

  it("is not shown by a test that did not run, or of another file", () => {
    expect(findNotPassed(asked, run(["a is accepted", "passed"]))).toEqual([`${where}: did not run`]);
    const other = {
      testResults: [{ name: "/work/test/b/ca.test.ts", assertionResults: [{ title, status: "passed" }] }],
    };
    expect(findNotPassed(asked, [other])).toEqual([`${where}: did not run`]);
  });
});

describe("the page", () => {
  it("has each claim with its tests, and what is not covered", () => {
    const page = toPage(asked, [["Moons", "There are none."]]);
    expect(page).toContain("| A1 | Bad names are refused. | [a.test.ts](../test/a.test.ts): %s is refused |  |");
    expect(page).toContain("| Moons | There are none. |");
    const whole = toPage(sections, notCovered);
    for (const { id } of sections.flatMap(({ claims }) => claims)) expect(whole).toContain(`\n| ${id} | `);
  });
});

describe("a point of SECURITY.md", () => {
  const of = (points: string) => findUnclaimed(asked, `# Security\n\nWords (B9)\n\n${points}\n\n## More\n`);

  it("rests on claims that are there", () => {
    expect(of("- **Names**: bad ones\n  are refused. (A1)\n- Others too. (A1, A1)")).toEqual([]);
  });

  it.each([
    ["- Bad names are refused.", "names no claim at its end"],
    ["- Bad names (A1) are refused.", "names no claim at its end"],
    ["- Bad names are refused. (A1, A2)", "there is no claim A2"],
    ["- Bad names are refused. (A1)\n- All is well.", "names no claim at its end"],
  ])("as %j is a mistake", (points, mistake) => {
    expect(of(points)).toEqual([expect.stringContaining(mistake)]);
  });

  it("is there", () => {
    expect(of("Nothing is promised.")).toEqual(["SECURITY.md has no points"]);
  });
});
