import { z } from "zod";
import { cleanStart } from "../../domain/log-clean.ts";
import { type FailureKind, PrometheusError } from "./failure.ts";

/** One element of an instant vector. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** As Prometheus writes it: "0.64", and also "NaN", "+Inf", "-Inf". */
  readonly value: string;
}

export interface Vector {
  readonly samples: readonly Sample[];
  /** Evaluation time, Unix seconds; null for an empty vector, which carries none. */
  readonly evaluatedAt: number | null;
  /** What Prometheus said beside the data, at most 10. For our log. */
  readonly warnings: readonly string[];
}

export const notices = z.array(z.string()).nullish();
type Notices = z.infer<typeof notices>;

/** Unix seconds up to the year 9999, and the number as text. */
const timedValue = z.tuple([z.number().min(0).max(253_402_300_799), z.string()]);

const success = z.object({
  status: z.literal("success"),
  data: z.object({
    resultType: z.literal("vector"),
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: timedValue })),
  }),
  warnings: notices,
  infos: notices,
});

const failure = z.object({ status: z.literal("error"), errorType: z.string(), error: z.string().optional() });

/** Reads the answer to POST /api/v1/query. @throws PrometheusError for anything but a vector */
export function parseAnswer(status: number, body: string): Vector {
  const answer = success.safeParse(openAnswer(status, body));
  if (!answer.success) throw new PrometheusError("not_json");
  const { result } = answer.data.data;
  return {
    samples: result.map(({ metric, value }) => ({ labels: metric, value: value[1] })),
    evaluatedAt: result[0]?.value[0] ?? null,
    warnings: toWarnings(answer.data),
  };
}

/** The JSON of an answer that is no refusal; undefined where it is no JSON. @throws PrometheusError for a refusal */
export function openAnswer(status: number, body: string): unknown {
  const json = parseJson(body);
  const refusal = failure.safeParse(json);
  if (refusal.success) throw toRefusal(status, refusal.data);
  const early = statusFailure(status);
  if (early) throw new PrometheusError(early, `HTTP ${status}`);
  return json;
}

export function toWarnings({ warnings, infos }: { warnings?: Notices; infos?: Notices }): string[] {
  return [...(warnings ?? []), ...(infos ?? [])].slice(0, 10).map((text) => cleanStart(text, 300));
}

/** What a status says whatever the body; null when the body decides. */
function statusFailure(status: number): FailureKind | null {
  if (status === 401 || status === 403 || status === 407) return "credentials";
  if (status >= 300 && status < 400) return "redirect";
  if (status >= 500) return "server";
  if (status >= 400) return "no_api";
  return status === 200 ? null : "not_json";
}

/**
 * A timeout at the server is documented as 503 `timeout` but is also seen as 422 `execution` with "query timed out" in its text
 * (2.53.3), so both are judged. Only errorTypes that we know are repeated, its text nowhere: it may quote labels.
 */
function toRefusal(status: number, { errorType, error = "" }: z.infer<typeof failure>): PrometheusError {
  const early = statusFailure(status);
  if (early === "credentials") return new PrometheusError(early, `HTTP ${status}`);
  const gaveUp =
    ["timeout", "canceled", "unavailable"].includes(errorType) || /timed out|timeout|canceled|too many samples/i.test(error);
  const known = ["timeout", "canceled", "unavailable", "execution", "bad_data", "internal", "not_found"].includes(errorType);
  const kind = gaveUp ? "gave_up" : errorType === "internal" ? "server" : "rejected";
  return new PrometheusError(kind, known ? errorType : `HTTP ${status}`);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
