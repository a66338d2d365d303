import { expect, it } from "vitest";
import { getPath } from "../../script/grafana/gjson.ts";

const dale = { first: "Dale", last: "Murphy", age: 44, nets: ["ig", "fb"] };
const roger = { first: "Roger", last: "Craig", age: 68, nets: ["fb"] };
const jane = { first: "Jane", last: "Murphy", age: 47, nets: ["ig", "tw"] };
const example = { name: { first: "Tom" }, age: 37, none: null, friends: [dale, roger, jane] };

// The examples of GJSON's SYNTAX.md.
it.each([
  ["name.first", "Tom"],
  ["friends.1.first", "Roger"],
  ["friends.#", 3],
  ["friends|#", 3],
  ["friends.#.age", [44, 68, 47]],
  ['friends.#(last=="Murphy").first', "Dale"],
  ['friends.#(last=="Murphy")#.first', ["Dale", "Jane"]],
  ['friends.#(last=="Murphy")#|first', undefined],
  ['friends.#(last=="Murphy")#.#', []],
  ['friends.#(last=="Murphy")#|#', 2],
  ['friends.#(last!="Murphy")#|#', 1],
  ['friends.#(last=="Nobody")#|#', 0],
  ['friends.#(missing!="x")#|#', 0],
  ['friends.#(last=="Murphy")#|#(first!="Dale")#|#', 1],
  ['friends.#(first%"*")#|#', 3],
  ['friends.#(missing%"*")#|#', 0],
  ["friends.#.nets|@flatten", ["ig", "fb", "fb", "ig", "tw"]],
  ['{"years":age,"the_murphys":friends.#(last=="Murphy")#.first}', { years: 37, the_murphys: ["Dale", "Jane"] }],
  ['{"murphys":friends.#(last=="Murphy")#|#,"all":friends|#,"lost":missing.#}', { murphys: 2, all: 3 }],
  ["none", null],
  ["none.first", undefined],
  ["missing", undefined],
])("the path %s has the value %j", (path, value) => expect(getPath(example, path)).toEqual(value));
