// `lcp audit verify`: proves that no audit row was changed, removed or moved; with an export from before also that
// the chain was not rewritten as a whole, nor its end cut off: one in a file, or all that control/backup put into Spaces.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { verifyAgainstStoredExports, verifyStoredExports } from '../audit/verify-exports.ts';
import { ControlError } from '../errors.ts';
import { verifyAudit } from '../store/audit.ts';
import type { BrokenReason } from '../store/audit-chain.ts';
import type { ExportEnd } from '../store/audit-export.ts';
import { verifyContinuation, verifyExport } from '../store/verify-export.ts';
import { type CliEnvironment, openBucket, withControlDatabase } from './environment.ts';

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

export type VerifyOptions = { readonly file?: string; readonly against?: string; readonly spaces: boolean };

/** 5,000 rows an object: years of audit are read within it. */
const SPACES_TIMEOUT_MS = 15 * 60_000;

/** 0 when the chain is intact, 1 when it is broken, naming the first row that does not fit. */
export async function auditVerifyCommand(
  environment: CliEnvironment,
  { file, against, spaces }: VerifyOptions,
): Promise<number> {
  if (spaces) return verifySpaces(environment);
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
  return withControlDatabase(environment, async (database) => {
    const state = await verifyContinuation(database, end, readLines(file));
    if (state.status === 'broken') return printBroken(environment, state);
    environment.print(
      `intact: ${state.rowCount} rows in the database, which continue the export by ${state.addedCount}\n`,
    );
    return 0;
  });
}

function verifyDatabase(environment: CliEnvironment): Promise<number> {
  return withControlDatabase(environment, async (database) => {
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

async function verifySpaces(environment: CliEnvironment): Promise<number> {
  const { print } = environment;
  const bucket = openBucket(environment);
  const signal = AbortSignal.timeout(SPACES_TIMEOUT_MS);
  const exports = await verifyStoredExports(bucket, signal);
  if (exports.status === 'none') {
    print(`There is no export in ${bucket.name} yet; control/backup makes the first at 02:00 UTC.\n`);
    return 1;
  }
  if (exports.status === 'broken') {
    const { objectKey, seq, reason } = exports;
    print(
      `BROKEN: ${objectKey} in Spaces: row ${seq} ${REASONS[reason]}. Bring the object's first version back, and find out who changed it.\n`,
    );
    return 1;
  }
  const { objectCount, rowCount, head, exportedAt } = exports;
  print(
    `intact: ${objectCount} exports in Spaces, the last of ${exportedAt}, ${rowCount} rows, head ${head.seq} ${head.hash}\n`,
  );
  return withControlDatabase(environment, async (database) => {
    const state = await verifyAgainstStoredExports(database, bucket, exports, signal);
    if (state.status === 'broken') return printBroken(environment, state);
    print(
      `intact: ${state.rowCount} rows in the database, which continue the exports by ${state.addedCount}\n`,
    );
    return 0;
  });
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
