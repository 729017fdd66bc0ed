// `lcp audit export`: the audit as JSON Lines, to be kept where the database's owner cannot reach it.

import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { ControlError } from '../errors.ts';
import { exportAudit } from '../store/audit-export.ts';
import { type CliEnvironment, withControlDatabase } from './environment.ts';

export type ExportOptions = { readonly out?: string; readonly since: string };

/** Prints the lines, or writes them to a new file that is there only when it is whole.
 *  @throws ControlError AUDIT_BROKEN, CONFIG_INVALID */
export async function auditExportCommand(
  environment: CliEnvironment,
  { out, since }: ExportOptions,
): Promise<number> {
  if (!/^(0|[1-9]\d{0,17})$/.test(since))
    throw new ControlError('CONFIG_INVALID', '--since is the number of an audit row, such as 0 or 1200.');
  if (out !== undefined && existsSync(out)) {
    const message = `${out} is there already, and an export is proof: give another name, or move it away first.`;
    throw new ControlError('CONFIG_INVALID', message);
  }
  return withControlDatabase(environment, async (database) => {
    const lines = exportAudit(database, { sinceSeq: since, now: environment.clock.now() });
    if (out === undefined) for await (const text of lines) environment.print(text);
    else {
      await writeWhole(out, lines);
      environment.printError(`written: ${out}; keep it where the database's owner cannot change it\n`);
    }
    return 0;
  });
}

/** Under another name until it is whole: a half one must never be taken for a proof. */
async function writeWhole(file: string, lines: AsyncIterable<string>): Promise<void> {
  const part = `${file}.part`;
  try {
    const handle = await open(part, 'w', 0o600).catch((cause: unknown) => {
      throw new ControlError('CONFIG_INVALID', `Cannot write ${part}; choose another folder.`, { cause });
    });
    try {
      for await (const text of lines) await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
