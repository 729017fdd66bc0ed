// One JSON line an event, on standard output, which DigitalOcean keeps for three days (256 KB an invocation):
// counts and digests, never lists of people, never a secret.

import { type Logger, pino } from 'pino';

export type LogFields = Readonly<Record<string, unknown>>;

export type Log = {
  /** A person must act. */
  error(event: string, fields?: LogFields): void;
  /** We recovered and someone should know. */
  warn(event: string, fields?: LogFields): void;
  /** One line a run and one a change. */
  info(event: string, fields?: LogFields): void;
  /** A log that adds `fields` to every line. */
  with(fields: LogFields): Log;
};

/** Where lines go; standard output unless a test or the CLI says otherwise. */
export type LogSink = { write(line: string): void };

/** A log whose `event` is a static name in the past tense; everything variable is a field. */
export function createLog(
  fields: LogFields = {},
  sink: LogSink = { write: (line) => process.stdout.write(line) },
): Log {
  const logger = pino(
    {
      base: fields,
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return wrap(logger);
}

type PinoLogger = Pick<Logger, 'error' | 'warn' | 'info'> & { child(fields: LogFields): PinoLogger };

function wrap(logger: PinoLogger): Log {
  return {
    error: (event, fields) => logger.error(fields ?? {}, event),
    warn: (event, fields) => logger.warn(fields ?? {}, event),
    info: (event, fields) => logger.info(fields ?? {}, event),
    with: (fields) => wrap(logger.child(fields)),
  };
}
