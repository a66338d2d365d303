import { expect, test } from "vitest";
import { createLevelDetector, isAtLeast, parseLogLevel } from "../../src/domain/log-level.ts";
import { growthOf } from "../support/cost.ts";

/** One line of each format that is read, as its library or server writes it, and lines that only look like one. */
test.each([
  // JSON
  ['{"level":"WARN","msg":"x"}', "warn"],
  ['{"level":50,"time":1,"msg":"error"}', "error"],
  ['{"level":30,"time":1736761200000,"pid":1,"hostname":"h","msg":"pino"}', "info"],
  ['{"name":"app","hostname":"h","pid":1,"level":40,"msg":"bunyan","time":"2026-01-13T09:40:00.000Z","v":0}', "warn"],
  ['{"time":"x","severity":"CRITICAL"}', "fatal"],
  ['{"time":"2026-01-13T09:40:00Z","level":"ERROR+2","msg":"slog"}', "error"],
  ['{"level":"error","ts":1736761200.1,"caller":"x.go:1","msg":"zap"}', "error"],
  ['{"@t":"2026-01-13T09:40:00Z","@mt":"Serilog compact","@l":"Warning"}', "warn"],
  ['{"@t":"2026-01-13T09:40:00Z","@mt":"Serilog compact, information"}', "info"],
  ['{"Timestamp":"2026-01-13T09:40:00Z","EventId":1,"LogLevel":"Critical","Category":"x"}', "fatal"],
  ['{"timestamp":"1","severity_text":"WARN","body":"OpenTelemetry"}', "warn"],
  ['{"SeverityNumber":17,"Body":"OpenTelemetry"}', "error"],
  ['{"severity_number":4}', "trace"],
  ['{"severity_number":5}', "debug"],
  ['{"severity_number":24}', "fatal"],
  ['{"@timestamp":"2026-01-13T09:40:00Z","log.level":"WARN","message":"ECS"}', "warn"],
  ['{"log":{"level":"error","logger":"x"},"message":"ECS, nested"}', "error"],
  ['{"message":"x","context":{},"level":400,"level_name":"ERROR","channel":"app"}', "error"],
  ['{"message":"Monolog","level":250}', "info"],
  ['{"message":"Monolog","level":300}', "warn"],
  ['{"message":"Monolog","level":550}', "fatal"],
  ['{"version":"1.1","short_message":"GELF","level":3}', "error"],
  ['{"version":"1.1","short_message":"GELF","level":4}', "warn"],
  ['{"t":{"$date":"2026-01-13T09:40:00.000+00:00"},"s":"W","c":"NETWORK","msg":"MongoDB"}', "warn"],
  ['{"t":{"$date":"2026-01-13T09:40:00.000+00:00"},"s":"D2","c":"NETWORK","msg":"MongoDB"}', "debug"],
  ['{"ticket":{"severity":"low"},"level":"error"}', "error"],
  ['{"message":"level"}', null],
  ['{"message":"it said \\"level\\":\\"error\\""}', null],
  ['{"level":3,"user":"a game"}', null],
  // key=value
  ["time=x level=warning msg=y", "warn"],
  ['time="2026-01-13T09:40:00Z" level=info msg="an ERROR was mended"', "info"],
  ['msg="an ERROR was mended" level=info', "info"],
  ["logger=sqlstore t=2026-01-13T09:40:00Z lvl=eror msg=Grafana", "error"],
  ["ts=2026-01-13T09:40:00Z log_level=debug msg=y", "debug"],
  // The word behind the time, or at the start
  ["2026-01-13T09:40:00Z INFO listening", "info"],
  ["[2026-01-13 09:40:00] [ERROR] boom", "error"],
  ["E, [2026-01-13T09:40:00.1 #1] ERROR -- : boom", "error"],
  ["I, [2026-01-13T09:40:00.123456 #1]  INFO -- wallet: Ruby", "info"],
  ["W, [2026-01-13T09:40:00.123456 #1] a short Ruby formatter", "warn"],
  ["2026/01/13 09:40:00 [error] 31#31: *1 upstream", "error"],
  ["2026/01/13 09:40:00 [warn] 31#31: nginx said INFO", "warn"],
  ["2026-01-13 09:40:00 UTC [1] FATAL:  no such role", "fatal"],
  ["2026-01-13 09:40:00.000 UTC [1] LOG:  checkpoint starting", "info"],
  ["error: cannot open", "error"],
  ["WARNING something", "warn"],
  ["[09:40:00 WRN] Serilog", "warn"],
  ["[09:40:00 INF] Serilog", "info"],
  ["[09:40:00 FTL] Serilog", "fatal"],
  ["2026-01-13 09:40:00.000 +00:00 [ERR] Serilog to a file", "error"],
  ["3:04PM INF zerolog", "info"],
  ["2026-01-13T09:40:00Z WRN Traefik", "warn"],
  ["2026-01-13T09:40:00Z error: winston", "error"],
  ["[2026-01-13T09:40:00.000Z] warn: winston", "warn"],
  ["09:40:00 debug: a script", "debug"],
  ["2026-01-13T09:40:00+0000 error App : swift-log", "error"],
  ["[2026-01-13 09:40:00,123: DEBUG/MainProcess] Celery", "debug"],
  ["[2026-01-13 09:40:00,123: WARNING/ForkPoolWorker-1] Celery", "warn"],
  ["[2026-01-13 09:40:00] production.ERROR: Laravel {", "error"],
  ["[2026-01-13T09:40:00.000000+00:00] app.WARNING: Symfony [] []", "warn"],
  ["WARN[0000] logrus on a terminal", "warn"],
  ["ERRO[0012] logrus on a terminal", "error"],
  ["info: Microsoft.Hosting.Lifetime[14]", "info"],
  ["fail: Microsoft.AspNetCore.Server.Kestrel[13]", "error"],
  ["crit: Microsoft.AspNetCore.Hosting.Diagnostics[6]", "fatal"],
  ["WARNING:root:Python's default", "warn"],
  ["INFO:     Uvicorn running on http://0.0.0.0:8000", "info"],
  ["[2026-01-13 09:40:00 +0000] [7] [INFO] Listening at: Gunicorn", "info"],
  ["2026-01-13 09:40:00 [error    ] structlog                 user=1", "error"],
  ["2026-01-13 09:40:00.000 | SUCCESS  | __main__:f:1 - Loguru", "info"],
  ["2026-01-13 09:40:00.000 | ERROR    | __main__:f:1 - Loguru", "error"],
  ["2026-01-13 09:40:00.000  WARN 1 --- [main] c.e.App : Spring", "warn"],
  ["2026-01-13 09:40:00.0000|ERROR|App|NLog", "error"],
  ["[2026-01-13T09:40:00,000][WARN ][o.e.x] [node] Elasticsearch", "warn"],
  ["SEVERE: java.util.logging", "error"],
  ["[Nest] 1  - 01/13/2026, 9:40:00 AM     ERROR [X] Nest", "error"],
  ["2026-01-13T09:40:00.000Z pid=1 tid=abc INFO: Sidekiq", "info"],
  ["npm ERR! code ELIFECYCLE", "error"],
  ["2026-01-13T09:40:00.000Z [WARN]  agent: hclog", "warn"],
  // Servers
  ["[Tue Jan 13 09:40:00.000000 2026] [core:error] [pid 1] Apache", "error"],
  ["2026-01-13T09:40:00.000000Z 0 [Warning] [MY-010068] [Server] MySQL", "warn"],
  ["2026-01-13 09:40:00 0 [Note] MariaDB", "info"],
  ["2026-01-13 09:40:00.000000+00:00 [notice] <0.1.0> RabbitMQ", "info"],
  ["1:M 13 Jan 2026 09:40:00.000 # Redis warns", "warn"],
  ["1:M 13 Jan 2026 09:40:00.000 * Redis", "info"],
  ["[2026-01-13 09:40:00.000][1][warning][main] [source] Envoy", "warn"],
  ["[WARNING]  (1) : HAProxy", "warn"],
  ["[2026/01/13 09:40:00] [ warn] [output:http:http.0] Fluent Bit", "warn"],
  ["=ERROR REPORT==== 13-Jan-2026::09:40:00 ===", "error"],
  ["PHP Fatal error:  Uncaught Exception: boom", "fatal"],
  ["[13-Jan-2026 09:40:00 UTC] PHP Warning:  Undefined variable", "warn"],
  ["[13-Jan-2026 09:40:00] NOTICE: fpm is running", "info"],
  ["<3>boom", "error"],
  ["<134>1 2026-01-13T09:40:00Z host app - - - syslog, local0.info", "info"],
  // One letter
  ["E0113 09:40:00.000000 1 main.go:1] boom", "error"],
  ["W260113 09:40:00.000000 1 server.go:1] CockroachDB", "warn"],
  ["[E] boom", "error"],
  ["2026-01-13 09:40:00 [W] careful", "warn"],
  ["[E 260113 09:40:00 web:1] Tornado", "error"],
  ["E/Tag(1): Android", "error"],
  // None
  ["the error was found", null],
  ["INFORMATION_SCHEMA and ERRORS", null],
  ["404 error page", null],
  ["2026-01-13 09:40:00 fail over has begun", null],
  ["09:40:00 log in as root", null],
  ["the loss is INF", null],
  ["a plain line", null],
  ["", null],
])("%s", (line, level) => {
  expect(parseLogLevel(line)).toBe(level);
});

test("a level is read in linear time from any line", () => {
  for (const piece of ["1", "1:", "[", "| ", "09:40:00 ", "{", '{"level":', '"level":"x",', "E, [", " .A", "\\"]) {
    for (const prefix of ["", "{", "["]) {
      expect(growthOf((size) => parseLogLevel(prefix + piece.repeat(size / piece.length)), 16_384)).toBeLessThan(8);
    }
  }
});

test("a stack trace stays with its first line; the next line is its own", () => {
  const detect = createLevelDetector();
  const lines = [
    "ERROR boom",
    "    at f (x.js:1)",
    "Caused by: y",
    "\t... 12 more",
    "}",
    "next thing",
    "    indented",
    "INFO ok",
    "  more",
  ];
  expect(lines.map(detect)).toEqual(["error", "error", "error", "error", "error", null, null, "info", "info"]);
});

test("an indented line that stands alone names its own level", () => {
  expect(createLevelDetector()("  ERROR boom")).toBe("error");
});

test("severity has an order; a line without a level passes unless strict", () => {
  for (const isStrict of [true, false]) {
    expect(isAtLeast("error", "warn", isStrict)).toBe(true);
    expect(isAtLeast("warn", "warn", isStrict)).toBe(true);
    expect(isAtLeast("info", "warn", isStrict)).toBe(false);
  }
  expect(isAtLeast(null, "fatal", false)).toBe(true);
  expect(isAtLeast(null, "trace", true)).toBe(false);
});
