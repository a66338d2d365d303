import type { Claim, Section } from "./claims.ts";

/** The part of vitest's JSON report that shows which tests passed. */
export interface RunReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[];
  }[];
}

/** In the order of the page. */
export function listClaims(sections: readonly Section[]): readonly Claim[] {
  return sections.flatMap(({ claims }) => claims);
}

/**
 * The tests of claims that did not pass in a whole run: failed, skipped, or not there. Every row of
 * a table of cases must have passed.
 */
export function findNotPassed(sections: readonly Section[], reports: readonly (RunReport | null)[]): string[] {
  const files = reports.flatMap((report) => report?.testResults ?? []);
  return listClaims(sections).flatMap(({ id, tests }) =>
    tests.flatMap(([file, title]) => {
      const matches = toMatcher(title);
      const results = files
        .filter(({ name }) => name.endsWith(`/test/${file}`))
        .flatMap(({ assertionResults }) => assertionResults.filter((test) => matches(test.title)));
      const states =
        results.length === 0 ? "did not run" : (results.find(({ status }) => status !== "passed")?.status ?? null);
      return states === null ? [] : [`${id}: test/${file} > ${title}: ${states}`];
    }),
  );
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

/** The titles that a title with vitest's placeholders (%s, $name) becomes. */
function toMatcher(title: string): (shown: string) => boolean {
  const parts = title.split(/%[sdifjoOc#$]|\$[a-zA-Z_][\w.]*/);
  const pattern = new RegExp(`^${parts.map((part) => escapePattern(part)).join(".*")}$`, "s");
  return (shown) => shown === title || pattern.test(shown);
}

/** docs/security-case.md. */
export function toPage(sections: readonly Section[], notCovered: readonly (readonly [string, string])[]): string {
  return [
    "# Security case",
    "",
    "Each claim about security and faults, the tests that show it, and what they do not show. This page is written by `npm run security-case` from",
    "`script/security-case/claims.ts`. `npm run check` fails when a claim has no test, when a test is missing or marked as switched off, when a point of",
    "[SECURITY.md](../SECURITY.md) names no claim or one that is gone, or when this page is old; `script/test` fails too when one of these tests, however it was switched off, did not run and pass. Neither sees a test that checks nothing.",
    "",
    ...sections.map(toSection),
    "## Not covered",
    "",
    "| requirement | why |",
    "| --- | --- |",
    ...notCovered.map(([requirement, reason]) => `| ${toCell(requirement)} | ${toCell(reason)} |`),
    "",
  ].join("\n");
}

function toSection({ title, claims }: Section): string {
  const head = ["| id | claim | shown by | not shown |", "| --- | --- | --- | --- |"];
  return [`## ${title}`, "", ...head, ...claims.map(toRow), ""].join("\n");
}

function toRow({ id, claim, tests, except = "" }: Claim): string {
  const shown = tests.map(([file, title]) => `[${toCell(file)}](../test/${file}): ${toCell(title)}`);
  return `| ${id} | ${toCell(claim)} | ${shown.join("<br>")} | ${toCell(except)} |`;
}

function toCell(text: string): string {
  return text.replaceAll(/[\\|<>_*`]/g, String.raw`\$&`);
}
