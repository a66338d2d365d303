/**
 * Columns that only some versions have, with what is true where they are missing. A name that is not qualified means the column of the job
 * inside a lateral query over it, and this one where the job has none: no version has to be told apart. `blocked` is from 12.19; 10 has `expire_in`
 * where later ones have `expire_seconds`, and no `retry_delay_max`.
 */
export const missingColumns =
  "(select false as blocked, null::int as retry_delay_max, null::int as expire_seconds, null::interval as expire_in) as missing";

/** Attempts that failed. The first one has number 0, and what fetches a job adds one when it ran before. */
export const failedAttempts = "job.retry_count + case job.state when 'active' then 0 else 1 end";

/** At most that long after a failure may the job run again: half of it is random where it backs off. Source: failJobs in src/plans. */
const longestDelay = `
  case when job.retry_backoff
       then least(retry_delay_max, greatest(job.retry_delay, 1) * 2 ^ least(16, ${failedAttempts}))
       else job.retry_delay end * interval '1 second'`;

/** An attempt ends after that, at the latest. */
const limit = "coalesce(expire_in, expire_seconds * interval '1 second')";

/**
 * When the last attempt failed; null where none did. A job that is to be tried again does not keep that, but when it may run, `retry_delay` after it failed:
 * exact without backoff, with it the earliest moment that is possible. What an operator has put back by hand did not fail just then, hence the limit.
 */
export const failedAt = `
  case when job.state in ('failed', 'retry') or (job.state = 'active' and job.retry_count > 0 and job.output is not null) then
    coalesce(job.completed_on,
      case job.state when 'retry' then least(greatest(job.started_on, job.start_after - ${longestDelay}), job.started_on + ${limit})
                     else greatest(job.created_on, job.start_after - ${longestDelay}) end)
  end`;

/** pg-boss keeps what was thrown, with its message, or wraps what is no object. Source: fail in src/manager. */
export const failureText = `
  coalesce(job.output ->> 'message', job.output -> 'value' ->> 'message', job.output ->> 'value', nullif(job.output::text, '{}'))`;
