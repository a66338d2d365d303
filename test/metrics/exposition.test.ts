import * as fc from "fast-check";
import { expect, it } from "vitest";
import { type Family, fill, type Table, toLabels, toText } from "../../src/metrics/exposition.ts";
import { parseExposition } from "../support/exposition.ts";
import { finish, longestPiece } from "../support/steps.ts";

const counter: Family = {
  name: "ops_calls_total",
  help: 'Calls "out".',
  type: "counter",
  samples: [{ labels: toLabels({ to: "a" }), value: 3 }],
};

it("OpenMetrics has suffixes on samples, units, and an end line", () => {
  const seconds: Family = {
    name: "ops_age_seconds",
    help: "Age.",
    type: "gauge",
    samples: [{ labels: "", value: 0.25 }],
  };
  const info: Family = {
    name: "ops_deploy_info",
    help: "Deploy.",
    type: "info",
    samples: [{ labels: 'tag="a"', value: 1 }],
  };
  expect(toText([counter, seconds, info], "openmetrics").split("\n")).toEqual([
    '# HELP ops_calls Calls \\"out\\".',
    "# TYPE ops_calls counter",
    'ops_calls_total{to="a"} 3',
    "# HELP ops_age_seconds Age.",
    "# TYPE ops_age_seconds gauge",
    "# UNIT ops_age_seconds seconds",
    "ops_age_seconds 0.25",
    "# HELP ops_deploy Deploy.",
    "# TYPE ops_deploy info",
    'ops_deploy_info{tag="a"} 1',
    "# EOF",
    "",
  ]);
});

it("the text format has whole names and no info", () => {
  const info: Family = { name: "ops_deploy_info", help: "Deploy.", type: "info", samples: [{ labels: "", value: 1 }] };
  const lines = toText([counter, info], "text").split("\n");
  expect(lines).toContain("# TYPE ops_calls_total counter");
  expect(lines).toContain('# HELP ops_calls_total Calls "out".');
  expect(lines).toContain("# TYPE ops_deploy_info gauge");
  expect(lines.at(-2)).toBe("ops_deploy_info 1");
});

it("a suffix is taken by its kind alone, a unit if a name ends with it", () => {
  const sample = { labels: "", value: 1 };
  const titles = (name: string, type: Family["type"], format: "openmetrics" | "text") =>
    toText([{ name, help: "H", type, samples: [sample] }], format)
      .split("\n")
      .filter((line) => /^# (?:TYPE|UNIT)/.test(line));
  expect(titles("ops_total_calls_total", "counter", "openmetrics")).toEqual(["# TYPE ops_total_calls counter"]);
  expect(titles("ops_info_age_info", "info", "openmetrics")).toEqual(["# TYPE ops_info_age info"]);
  expect(titles("ops_age_seconds_info", "info", "openmetrics")).toEqual(["# TYPE ops_age_seconds info"]);
  expect(titles("ops_seconds_ago", "gauge", "openmetrics")).toEqual(["# TYPE ops_seconds_ago gauge"]);
  for (const unit of ["seconds", "bytes", "ratio"]) {
    const name = `ops_x_${unit}`;
    expect(titles(name, "gauge", "openmetrics")).toEqual([`# TYPE ${name} gauge`, `# UNIT ${name} ${unit}`]);
    expect(titles(name, "gauge", "text")).toEqual([`# TYPE ${name} gauge`]);
  }
  expect(titles("ops_cpu_seconds_total", "counter", "openmetrics")).toEqual([
    "# TYPE ops_cpu_seconds counter",
    "# UNIT ops_cpu_seconds seconds",
  ]);
  expect(titles("ops_x_total", "counter", "text")).toEqual(["# TYPE ops_x_total counter"]);
});

it("help texts are escaped, and infinities written", () => {
  const family = (value: number): Family => ({
    name: "ops_x",
    help: 'a\\b\n"c"',
    type: "gauge",
    samples: [{ labels: "", value }],
  });
  expect(toText([family(1)], "text").split("\n")[0]).toBe(String.raw`# HELP ops_x a\\b\n"c"`);
  expect(toText([family(1)], "openmetrics").split("\n")[0]).toBe(String.raw`# HELP ops_x a\\b\n\"c\"`);
  expect([Infinity, -Infinity, 0.5].map((value) => toText([family(value)], "text").split("\n")[2])).toEqual([
    "ops_x +Inf",
    "ops_x -Inf",
    "ops_x 0.5",
  ]);
  const toCut = (length: number) => toLabels({ a: "x".repeat(length) });
  expect([toCut(256), toCut(257)]).toEqual([`a="${"x".repeat(256)}"`, `a="${"x".repeat(256)}"`]);
});

it("families without samples and labels without values are left out", () => {
  expect(toText([{ ...counter, samples: [] }], "text")).toBe("");
  expect(toLabels({ a: null, b: "", c: "x", d: undefined })).toBe('c="x"');
});

it("a label's value is unchanged, truncated at 256, whatever it contains", () => {
  const hostile = fc.array(fc.constantFrom('"', "\\", "\n", "n", "{", "}", ",", " ", "é", "=", "#"), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(hostile, fc.string(), (parts, more) => {
      const value = parts.join("") + more.replaceAll(/[\r\u2028\u2029]/g, "");
      const text = toText(
        [{ ...counter, samples: [{ labels: toLabels({ a: value, z: "end" }), value: 1 }] }],
        "openmetrics",
      );
      const [sample] = parseExposition(text);
      expect(sample).toEqual({
        name: "ops_calls_total",
        labels: { ...(value !== "" && { a: value.slice(0, 256) }), z: "end" },
        value: 1,
      });
    }),
  );
});

it("a table is filled with one row between two turns", () => {
  const rows = Array.from({ length: 20 }, (_, value) => ({ value }));
  const table = (onRow: () => void): Table<{ readonly value: number }> => ({
    prefix: "ops_calls",
    maxRows: 10,
    labels: ({ value }) => {
      onRow();
      return toLabels({ value });
    },
    columns: [["ops_calls_total", "Calls.", "value", "counter"]],
  });
  expect(longestPiece((onRow) => fill(table(onRow), rows))).toBe(1);
  const { families, dropped } = finish(
    fill(
      table(() => null),
      rows,
    ),
  );
  expect(parseExposition(toText(families, "text")).map(({ value }) => value)).toEqual(
    rows.slice(0, 10).map(({ value }) => value),
  );
  expect(dropped).toEqual({ prefix: "ops_calls", series: 10 });
});
