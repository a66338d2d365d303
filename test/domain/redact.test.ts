import { expect, test } from "vitest";
import { createToken } from "../../src/domain/token.ts";
import { redactSecrets } from "../../src/domain/redact.ts";

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ";
const ours = createToken("abcd", Buffer.alloc(32, 7));

test.each([
  [`token ${ours} used`, "token ops_<redacted> used"],
  [`got ${jwt} from user`, "got [redacted] from user"],
  ["Authorization: Bearer canary-1234567890", "Authorization: Bearer [redacted]"],
  ["sent bearer canary1234567 to x", "sent bearer [redacted] to x"],
  ["Authorization: Basic Y2FuYXJ5OmNhbmFyeQ== ok", "Authorization: [redacted] ok"],
  ["DB_PASSWORD=canary next", "DB_PASSWORD=[redacted] next"],
  ['{"user":"a","password":"can\\"ary", "x":1}', '{"user":"a","password":"[redacted]", "x":1}'],
  ['{"password":"canary","x":1}', '{"password":"[redacted]","x":1}'],
  ['msg="{\\"api_key\\":\\"canary\\",\\"n\\":1}"', 'msg="{\\"api_key\\":\\"[redacted]\\",\\"n\\":1}"'],
  ["password='two words canary' x", "password='[redacted]' x"],
  ['secret: "never closed canary', 'secret: "[redacted]'],
  ["POST /login?user=a&passwd=canary&x=1", "POST /login?user=a&passwd=[redacted]&x=1"],
  ["aws_secret_access_key = canaryCANARY/1234", "aws_secret_access_key = [redacted]"],
  ["api-key => canary1", "api-key => [redacted]"],
  ["SECRET_KEY_BASE=canary", "SECRET_KEY_BASE=[redacted]"],
  ["access_token=canary&x", "access_token=[redacted]&x"],
  ["postgres://app:canary@db:5432/x?sslmode=off", "postgres://app:[redacted]@db:5432/x?sslmode=off"],
  ["amqp://app:p@canary@mq/", "amqp://app:[redacted]@mq/"],
  ["https://0123456789abcdefcanary@github.com/x.git", "https://[redacted]@github.com/x.git"],
  ["Set-Cookie: sid=canary; Path=/; HttpOnly", "Set-Cookie: [redacted]"],
  ["key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"],
  [`clone with ghp_${"a1".repeat(18)}`, "clone with [redacted]"],
  [`github_pat_${"a1".repeat(30)}`, "[redacted]"],
  [`stripe sk_live_${"a1".repeat(12)}`, "stripe [redacted]"],
  [`whsec_${"a1".repeat(16)}`, "[redacted]"],
  ["xoxb-123456789012-canary", "[redacted]"],
  ["-----BEGIN RSA PRIVATE KEY-----\\nMIIcanary\\n-----END RSA PRIVATE KEY----- end", "[redacted] end"],
])("%s", (text, redacted) => {
  expect(redactSecrets(text)).toBe(redacted);
});

test.each([
  "GET /api/v1/keys 200 12ms token_count=5 keyboard=de",
  "unexpected token: foo at line 3",
  "Unexpected token } in JSON at position 7",
  "bearer authentication is required",
  "Basic authentication failed for bob",
  "password changed for user 12",
  "token: null, password: null",
  "connecting to postgres://db:5432/wallet as app",
  "https://example.com/a:b@c",
  "user@example.com asked https://example.com/path",
  "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "primary key violation on accounts_pkey, key (id)=(42)",
  "task_live_1 sk_tests ghp_short",
  "author: bob, authored=2026",
  "secretary: alice",
])("leaves %j alone", (text) => {
  expect(redactSecrets(text)).toBe(text);
});

const parts = [
  "eyJ",
  "eyJ-a",
  "eyJa.",
  'password="',
  "password='pwd=\\\"",
  "://a:",
  "Bearer ",
  "secret_",
  "cookie:",
  "ghp_",
  "ops_aaaa_",
];
test.each([...parts, "-----BEGIN PRIVATE KEY-----", "glpat-", "token ", "://aaaaaaaaaaaaaaaaaaaa", "A"])(
  "takes linear time for many %j",
  (part) => {
    const text = `token ${part.repeat(400_000 / part.length)}`;
    redactSecrets(text);
    const begin = performance.now();
    redactSecrets(text);
    expect(performance.now() - begin).toBeLessThan(400);
  },
);
