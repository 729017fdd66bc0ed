// `lcp audit verify`: proves that no audit row was changed, removed or moved; with an export from before also that
// the chain was not rewritten as a whole, nor its end cut off.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ControlError } from '../errors.ts';
import { verifyAudit } from '../store/audit.ts';
import type { BrokenReason } from '../store/audit-chain.ts';
import type { ExportEnd } from '../store/audit-export.ts';
import type { Database } from '../store/database.ts';
import { verifyContinuation, verifyExport } from '../store/verify-export.ts';
import { type CliEnvironment, openControlDatabase } from './environment.ts';

const REASONS: Record<BrokenReason, string> = {
  row_missing: 'is missing',
  row_changed: 'was changed after it was written',
  order_changed: 'does not follow the row before it',
  row_unreadable: 'cannot be read there: the line is no audit row',
  end_differs: 'is not where the closing line says that the export ends',
  end_missing: 'and what follows was cut off: the closing line is missing',
  row_rewritten: 'is another one in the export: it or a row before it was rewritten since',
  tail_missing: 'is missing: the export has it, the database ends before it',
};

export type VerifyOptions = { readonly file?: string; readonly against?: string };

/** 0 when the chain is intact, 1 when it is broken, naming the first row that does not fit. */
export async function auditVerifyCommand(
  environment: CliEnvironment,
  { file, against }: VerifyOptions,
): Promise<number> {
  if (file !== undefined) return (await verifyFile(environment, file)) === undefined ? 1 : 0;
  if (against === undefined) return verifyDatabase(environment);
  const end = await verifyFile(environment, against);
  return end === undefined ? 1 : verifyAgainst(environment, against, end);
}

async function verifyFile({ print }: CliEnvironment, file: string): Promise<ExportEnd | undefined> {
  const state = await verifyExport(readLines(file));
  if (state.status === 'broken') {
    print(
      `BROKEN: ${file}, line ${state.line}: row ${state.seq} ${REASONS[state.reason]}. Take another copy of this export.\n`,
    );
    return undefined;
  }
  const { head, after, exportedAt } = state.end;
  print(
    `intact: the export of ${exportedAt}, ${state.rowCount} rows after ${after.seq}, head ${head.seq} ${head.hash}\n`,
  );
  return state.end;
}

function verifyAgainst(environment: CliEnvironment, file: string, end: ExportEnd): Promise<number> {
  return withDatabase(environment, async (database) => {
    const state = await verifyContinuation(database, end, readLines(file));
    if (state.status === 'broken') return printBroken(environment, state);
    environment.print(
      `intact: ${state.rowCount} rows in the database, which continue the export by ${state.addedCount}\n`,
    );
    return 0;
  });
}

function verifyDatabase(environment: CliEnvironment): Promise<number> {
  return withDatabase(environment, async (database) => {
    const state = await verifyAudit(database);
    if (state.status === 'broken') return printBroken(environment, state);
    environment.print(`intact: ${state.rowCount} rows, head ${state.head.seq} ${state.head.hash}\n`);
    return 0;
  });
}

function printBroken(
  { print }: CliEnvironment,
  { seq, reason }: { seq: string; reason: BrokenReason },
): number {
  print(
    `BROKEN: row ${seq} ${REASONS[reason]}. Keep the database as it is and compare it with the last backup.\n`,
  );
  return 1;
}

async function withDatabase(
  environment: CliEnvironment,
  work: (database: Database) => Promise<number>,
): Promise<number> {
  const database = openControlDatabase(environment);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** @throws ControlError CONFIG_INVALID when the file cannot be read */
async function* readLines(file: string): AsyncGenerator<string> {
  const stream = createReadStream(file, { encoding: 'utf8' });
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
      yield line;
  } catch (cause) {
    throw new ControlError('CONFIG_INVALID', `Cannot read the export ${file}.`, { cause });
  } finally {
    stream.destroy();
  }
}
