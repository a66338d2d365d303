import { expect, test } from "vitest";
import { parseMoment, toSortable } from "../../../../../src/console/app/parts/logs/moment.ts";

const now = new Date(2026, 10, 27, 12, 0, 0).getTime();
const local = (day: number, ...time: number[]) => new Date(2026, 10, day, ...(time as [number])).toISOString();

test("A time of day is the last one that was", () => {
  expect(parseMoment("09:41:10", now)).toBe(local(27, 9, 41, 10));
  expect(parseMoment(" 9:41 ", now)).toBe(local(27, 9, 41));
  expect(parseMoment("09:41:10.25", now)).toBe(local(27, 9, 41, 10, 250));
  expect(parseMoment("12:00:30", now)).toBe(local(27, 12, 0, 30));
  expect(parseMoment("13:00", now)).toBe(local(26, 13, 0));
});

test("A duration is before now", () => {
  expect(parseMoment("10m", now)).toBe(new Date(now - 600_000).toISOString());
  expect(parseMoment("10 min", now)).toBe(new Date(now - 600_000).toISOString());
  expect(parseMoment("2h", now)).toBe(new Date(now - 7_200_000).toISOString());
  expect(parseMoment("3d", now)).toBe(new Date(now - 3 * 86_400_000).toISOString());
});

test("A time in UTC stays as it is, with its nanoseconds", () => {
  expect(parseMoment("2026-11-27T09:41:10Z", now)).toBe("2026-11-27T09:41:10Z");
  expect(parseMoment("2026-11-27T09:41:10.123456789Z", now)).toBe("2026-11-27T09:41:10.123456789Z");
});

test("A date and time without a zone is local, one with a zone is converted", () => {
  expect(parseMoment("2026-11-20 09:41", now)).toBe(local(20, 9, 41));
  expect(parseMoment("2026-11-20T09:41:10+02:00", now)).toBe("2026-11-20T07:41:10.000Z");
});

test("What is no time is null", () => {
  for (const text of ["", "noon", "25:00", "09:61", "2026-13-01 10:00", "2026-11-27", "10 weeks", "-5m"])
    expect([text, parseMoment(text, now)]).toEqual([text, null]);
});

test("Sortable times sort as they were, whatever their form", () => {
  const times = [
    "2026-11-27T09:41:10Z",
    "2026-11-27T09:41:10.000000001Z",
    "2026-11-27T09:41:10.5Z",
    "2026-11-27T10:41:11+01:00",
  ];
  const sortable = times.map(toSortable);
  expect(sortable).toEqual(sortable.toSorted());
  expect(sortable.map((text) => text.length)).toEqual([30, 30, 30, 30]);
});
