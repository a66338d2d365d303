-- The part of pgmq 1.11 that is read or needed to fill it (pgmq/pgmq, pgmq-extension/sql/pgmq.sql), rewritten: the tables of queues and archives, and
-- functions of the same names that do the same to them.
create schema pgmq;
create table pgmq.meta (
  queue_name varchar not null unique,
  is_partitioned boolean not null,
  is_unlogged boolean not null,
  created_at timestamptz not null default now()
);

create function pgmq."create"(queue_name text) returns void language plpgsql as $$
declare
  q text := lower('q_' || queue_name);
  a text := lower('a_' || queue_name);
begin
  execute format('create table pgmq.%I (msg_id bigint primary key generated always as identity, read_ct int not null default 0,
    enqueued_at timestamptz not null default now(), last_read_at timestamptz, vt timestamptz not null, message jsonb, headers jsonb)', q);
  execute format('create table pgmq.%I (msg_id bigint primary key, read_ct int not null default 0, enqueued_at timestamptz not null default now(),
    last_read_at timestamptz, archived_at timestamptz not null default now(), vt timestamptz not null, message jsonb, headers jsonb)', a);
  execute format('create index %I on pgmq.%I (vt asc)', q || '_vt_idx', q);
  execute format('create index %I on pgmq.%I (archived_at)', 'archived_at_idx_' || queue_name, a);
  insert into pgmq.meta values (queue_name, false, false);
end $$;

create function pgmq.drop_queue(queue_name text) returns boolean language plpgsql as $$
begin
  execute format('drop table pgmq.%I, pgmq.%I', lower('q_' || queue_name), lower('a_' || queue_name));
  delete from pgmq.meta where meta.queue_name = drop_queue.queue_name;
  return true;
end $$;

create function pgmq.send(queue_name text, msg jsonb, delay integer default 0) returns setof bigint language plpgsql as $$
begin
  return query execute format('insert into pgmq.%I (vt, message) values (clock_timestamp() + make_interval(secs => $1), $2) returning msg_id',
    lower('q_' || queue_name)) using delay, msg;
end $$;

create function pgmq.read(queue_name text, vt integer, qty integer) returns table (msg_id bigint) language plpgsql as $$
begin
  return query execute format('
    with next as (select msg_id from pgmq.%1$I where vt <= clock_timestamp() order by msg_id limit $1 for update skip locked)
    update pgmq.%1$I as message
    set last_read_at = clock_timestamp(), vt = clock_timestamp() + make_interval(secs => $2), read_ct = read_ct + 1
    from next where message.msg_id = next.msg_id returning message.msg_id', lower('q_' || queue_name)) using qty, vt;
end $$;

create function pgmq.delete(queue_name text, msg_id bigint) returns void language plpgsql as $$
begin
  execute format('delete from pgmq.%I where msg_id = $1', lower('q_' || queue_name)) using msg_id;
end $$;

create function pgmq.archive(queue_name text, msg_id bigint) returns void language plpgsql as $$
begin
  execute format('
    with archived as (delete from pgmq.%I where msg_id = $1 returning msg_id, vt, read_ct, enqueued_at, last_read_at, message, headers)
    insert into pgmq.%I (msg_id, vt, read_ct, enqueued_at, last_read_at, message, headers) select * from archived',
    lower('q_' || queue_name), lower('a_' || queue_name)) using msg_id;
end $$;

create function pgmq.purge_queue(queue_name text) returns void language plpgsql as $$
begin
  execute format('truncate table pgmq.%I', lower('q_' || queue_name));
end $$;
