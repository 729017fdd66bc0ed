-- Up Migration
-- Which part of the audit is in Spaces. The objects are the proof; these rows say when one of them is gone.

create table audit_exports (
  bucket text not null,
  object_key text not null,
  after_seq bigint not null,             -- the export begins after this row
  head_seq bigint not null check (head_seq > after_seq),
  head_hash text not null check (head_hash ~ '^[0-9a-f]{64}$'),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  size_bytes bigint not null,
  exported_at timestamptz not null default clock_timestamp(),
  primary key (bucket, object_key)
);

-- Down Migration
drop table audit_exports;
