import { describe, expect, it } from "vitest";
import { findMistakes, findNotPassed, toPage } from "../../script/security-case/case.ts";
import { notCovered, sections } from "../../script/security-case/claims.ts";

const [file, title] = ["a.test.ts", "%s is refused"];
const claim = { id: "A1", claim: "Bad names are refused.", tests: [[file, title] as const] };
const asked = [{ title: "Names", claims: [claim] }];
const where = `A1: test/${file} > ${title}`;

describe("the claims", () => {
  it.each([
    ['it("%s is refused", () => {', []],
    ['  test.each([1, 2])("%s is refused", () => {', []],
    ['])("%s is refused", () => {', []],
    ['it.each([\n  1,\n])(\n  "%s is refused",\n', []],
    ['it("another is refused", () => {', [`${where}: no such title`]],
    ['// it("%s is refused", () => {', [`${where}: no such title`]],
    ['// it.each([1])("%s is refused", () => {', [`${where}: no such title`]],
    ['it("%s is refused");\nit("%s is refused");', [`${where}: several tests have this title`]],
    ['it.skip("%s is refused", () => {', [`${where}: the file has tests that are skipped`]],
    ['it.todo("%s is refused");', [`${where}: the file has tests that are skipped`]],
    ['describe.skip("names", () => {\n  it("%s is refused", () => {', [`${where}: the file has tests that are skipped`]],
    [null, [`${where}: no such file`]],
  ])("of a test in %j have the mistakes %j", (source, mistakes) => {
    expect(findMistakes(asked, () => source)).toEqual(mistakes);
  });

  it("have an id of their own, and a test", () => {
    const empty = [{ title: "Names", claims: [claim, { ...claim, tests: [] }] }];
    expect(findMistakes(empty, () => 'it("%s is refused"')).toEqual(["A1: two claims have this id", "A1: no test shows it"]);
  });
});

describe("a claim in a run", () => {
  const run = (...results: readonly (readonly [title: string, status: string])[]) => [
    null,
    {
      testResults: [{ name: `/work/test/${file}`, assertionResults: results.map(([name, status]) => ({ title: name, status })) }],
    },
  ];

  it("is shown by a test all of whose cases passed", () => {
    expect(findNotPassed(asked, run(["a.b is refused", "passed"], ["c is refused", "passed"], ["other", "failed"]))).toEqual([]);
  });

  it.each(["skipped", "pending", "todo", "failed"])("is not shown by a case that is %s", (status) => {
    expect(findNotPassed(asked, run(["a is refused", "passed"], ["c is refused", status]))).toEqual([`${where}: ${status}`]);
  });

  it("is not shown by a test that did not run, or of another file", () => {
    expect(findNotPassed(asked, run(["a is accepted", "passed"]))).toEqual([`${where}: did not run`]);
    const other = { testResults: [{ name: "/work/test/b/ca.test.ts", assertionResults: [{ title, status: "passed" }] }] };
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
