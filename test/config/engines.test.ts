import { expect, it } from "vitest";
import { isDecodable, parseEngines } from "../../src/config/engines.ts";

const known = "?key=/k&known_hosts=/h";
const unix = (socketPath: string) => ({ kind: "unix", socketPath });
const tcp = (host: string, port: number, folder?: string) => {
  const tls = folder ? { ca: `${folder}/ca.pem`, cert: `${folder}/cert.pem`, key: `${folder}/key.pem` } : null;
  return { kind: "tcp", host, port, tls };
};
const ssh = (host: string, port: number, user: string, socketPath: string) => {
  return { kind: "ssh", host, port, user, key: "/k", knownHosts: "/h", socketPath };
};

it.each([
  ["unix:///var/run/docker.sock", "local", unix("/var/run/docker.sock")],
  ["unix:///run/docker.sock", "docker", unix("/run/docker.sock")],
  ["unix:///a", "a", unix("/a")],
  ["unix:///run/b%20c/d.sock", "d", unix("/run/b c/d.sock")],
  ["My.web_1-x=unix:///%E2%82%AC.sock", "My.web_1-x", unix("/€.sock")],
  ["7=unix:///a", "7", unix("/a")],
  ["tcp://h", "h", tcp("h", 2375)],
  ["tcp://h/", "h", tcp("h", 2375)],
  ["tcp://h:1", "h", tcp("h", 1)],
  ["tcp://h?certs=/c", "h", tcp("h", 2376, "/c")],
  ["tcp://[fe80::2]:77?certs=/c/", "fe80::2", tcp("fe80::2", 77, "/c")],
  [`ssh://u@h${known}`, "h", ssh("h", 22, "u", "/var/run/docker.sock")],
  [`ssh://u@h/${known}`, "h", ssh("h", 22, "u", "/var/run/docker.sock")],
  [`ssh://a%40b@[::1]:2222/s%20k${known}`, "::1", ssh("::1", 2222, "a@b", "/s k")],
])("%s is the engine %s", (list, name, address) => {
  expect(parseEngines(list)).toEqual({ engines: [{ name, env: null, address, control: null }], problems: [] });
});

it("an engine has the environment and second address of its options", () => {
  const control = encodeURIComponent(`ssh://u@r:23/s${known}`);
  const list = ` ,unix:///a?env=staging,, tcp://h?certs=/c&env=prod&control=unix:///b ,r=ssh://u@h${known}&control=${control},`;
  expect(parseEngines(list)).toEqual({
    engines: [
      { name: "a", env: "staging", address: unix("/a"), control: null },
      { name: "h", env: "production", address: tcp("h", 2376, "/c"), control: unix("/b") },
      { name: "r", env: null, address: ssh("h", 22, "u", "/var/run/docker.sock"), control: ssh("r", 23, "u", "/s") },
    ],
    problems: [],
  });
});

const forms = "is not [name=] and unix:///path, tcp://host:port or ssh://user@host[:port][/path]";
const slashes = "a Unix socket needs three slashes: unix:///path";
const keys = "needs ?key=FILE&known_hosts=FILE";
const encoding = "its percent-encoding does not decode to text (write a % as %25)";
const nameless = "give this engine a name: name=unix://...";
const noUser = "tcp:// takes no user name or password";
it.each([
  ["", "names no engine"],
  [" , ", "names no engine"],
  ["web", `entry 1: ${forms}`],
  ["-x=unix:///a", `entry 1: ${forms}`],
  ["x y=unix:///a", `entry 1: ${forms}`],
  ["http://h", "entry 1: unknown scheme (known: unix://, tcp://, ssh://)"],
  ["constructor://h", "entry 1: unknown scheme (known: unix://, tcp://, ssh://)"],
  ["unix://x/y", `entry 1 (unix://x/y): ${slashes}`],
  ["a=unix:///", `entry 1 (a=unix:///): ${slashes}`],
  ["unix:///a?certs=/c", "entry 1 (unix:///a): unknown option (known: env, control)"],
  ["tcp://h:1?key=/k", "entry 1 (tcp://h:1): unknown option (known: env, control, certs)"],
  ["ssh://u@h:5/a?env=staging&x=1", "entry 1 (ssh://h:5): unknown option (known: env, control, key, known_hosts)"],
  ["tcp://h/x", "entry 1 (tcp://h): is not tcp://host:port"],
  ["tcp://", "entry 1 (tcp://): is not tcp://host:port"],
  ["tcp://u@h", `entry 1 (tcp://h): ${noUser}`],
  [",,tcp://u@h", `entry 3 (tcp://h): ${noUser}`],
  ["tcp://:p@h", `entry 1 (tcp://h): ${noUser}`],
  ["tcp://h?certs=", "entry 1 (tcp://h): certs needs a folder"],
  [`ssh://u:p@h${known}`, "entry 1 (ssh://h): ssh:// takes no password: give a key"],
  [`ssh://h${known}`, "entry 1 (ssh://h): is not ssh://user@host[:port][/path]"],
  [`ssh://${known}`, "entry 1 (ssh://): is not ssh://user@host[:port][/path]"],
  ["ssh://u@h?key=/k", `entry 1 (ssh://h): ${keys}`],
  ["ssh://u@h?known_hosts=/h", `entry 1 (ssh://h): ${keys}`],
  ["ssh://u@h?key=&known_hosts=/h", `entry 1 (ssh://h): ${keys}`],
  ["ssh://u@h?key=/k&known_hosts=", `entry 1 (ssh://h): ${keys}`],
  ["unix:///a?env=qa", "entry 1 (unix:///a): env must be staging or production"],
  ["unix:///a?env=", "entry 1 (unix:///a): env must be staging or production"],
  ["unix:///a?control=", `entry 1 (unix:///a): control= ${forms}`],
  ["unix:///a?control=x://h", "entry 1 (unix:///a): control= unknown scheme (known: unix://, tcp://, ssh://)"],
  ["unix:///a?control=unix:///b%3Fenv=staging", "entry 1 (unix:///a): control= unknown option (known: none)"],
  ["unix:///a?control=tcp://h%3Fkey=/k", "entry 1 (unix:///a): control= unknown option (known: certs)"],
  ["unix:///%ff", `entry 1 (unix:///%ff): ${encoding}`],
  ["unix:///a%00b", `entry 1 (unix:///a%00b): ${encoding}`],
  [`ssh://%ff@h${known}`, `entry 1 (ssh://h): ${encoding}`],
  ["unix:///%E2%82%AC.sock", `entry 1 (unix:///%E2%82%AC.sock): ${nameless}`],
  ["unix:///b%20c", `entry 1 (unix:///b%20c): ${nameless}`],
])("the list %j has the problem: %s", (list, problem) => {
  expect(parseEngines(list)).toEqual({ engines: [], problems: [problem] });
});

it("a repeated name is a problem of the second engine", () => {
  const list = "unix:///a.sock,unix:///b/a.sock,b=unix:///c,b=tcp://h:1";
  const advice = "another engine has this name; give names with name=unix://...";
  const { engines, problems } = parseEngines(list);
  expect(engines.map(({ name, address }) => [name, address])).toEqual([
    ["a", unix("/a.sock")],
    ["b", unix("/c")],
  ]);
  expect(problems).toEqual([`entry 2 (unix:///b/a.sock): ${advice}`, `entry 4 (b=tcp://h:1): ${advice}`]);
});

it.each([
  ["tcp://h/x@y", "is not tcp://host:port"],
  ["tcp://h/?x=@y", "unknown option (known: env, control, certs)"],
  ["ssh://h/#@y", "is not ssh://user@host[:port][/path]"],
  ["x://h", "unknown scheme (known: unix://, tcp://, ssh://)"],
  ["secret", forms],
])("no entry is displayed beside %s, which may be part of a password", (part, problem) => {
  expect(parseEngines(`unix://host/path,,${part}`).problems).toEqual([`entry 1: ${slashes}`, `entry 3: ${problem}`]);
});

it.each([
  ["", true],
  ["a%20%E2%82%AC", true],
  ["%", false],
  ["%ff", false],
  ["a%00", false],
])("%j is decoded as percent-encoding: %j", (text, is) => {
  expect(isDecodable(text)).toBe(is);
});
