// `lcp quarantine`: held removals from a terminal. Whoever has the control database decides here, so the approval
// page is not needed when it is out of reach.

import { decideQuarantine } from '../approvals/decide.ts';
import { renderQuarantine, renderQuarantineWhole } from '../approvals/quarantine-text.ts';
import { ControlError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import { listNames } from '../store/directory-snapshot.ts';
import { findQuarantines, listQuarantines, type QuarantineRow } from '../store/quarantines.ts';
import { isConfirmed } from './confirm.ts';
import { type CliEnvironment, readPolicyFile, withControlDatabase } from './environment.ts';

const LISTED = 20;

/** What waits, then what was decided lately. 1 while something waits. */
export async function quarantineListCommand(
  environment: CliEnvironment,
  options: { json: boolean },
): Promise<number> {
  return withControlDatabase(environment, async (database) => {
    const rows = await listQuarantines(database, LISTED);
    const text = rows.map((row) => `${renderQuarantine(row)}\n`).join('') || 'Nothing was ever held.\n';
    environment.print(options.json ? `${JSON.stringify(rows, null, 2)}\n` : text);
    return rows.some((row) => row.status === 'waiting') ? 1 : 0;
  });
}

/** Everything about one. */
export async function quarantineShowCommand(environment: CliEnvironment, idStart: string): Promise<number> {
  return withControlDatabase(environment, async (database) => {
    environment.print(await describe(database, await findOne(database, idStart)));
    return 0;
  });
}

/** Decides about exactly what is shown. 1 when the answer was no, or when it does not wait any more. */
export async function quarantineDecideCommand(
  environment: CliEnvironment,
  decision: 'approved' | 'rejected',
  idStart: string,
  options: { policy: string; yes: boolean },
): Promise<number> {
  const policy = readPolicyFile(options.policy);
  return withControlDatabase(environment, async (database) => {
    const row = await findOne(database, idStart);
    environment.print(await describe(database, row));
    const verb = decision === 'approved' ? 'Approve' : 'Reject';
    if (!options.yes && !(await isConfirmed(`${verb} exactly these ${row.peopleCount} removals? [y/N] `))) {
      environment.printError('Nothing was decided. Answer y, or pass --yes where there is no terminal.\n');
      return 1;
    }
    const outcome = await decideQuarantine(
      { database, clock: environment.clock },
      {
        quarantineId: row.quarantineId,
        episode: row.episode,
        decision,
        by: { actor: environment.actor, role: 'admin' },
        rejectionDays: policy.quarantine.rejection_days,
      },
    );
    if (outcome.status === 'decided') {
      environment.print(
        decision === 'approved'
          ? 'Approved. The next run carries it out, within five minutes; `lcp apply` does at once.\n'
          : `Rejected. These people keep their access for ${policy.quarantine.rejection_days} days, or until they are back in the group.\n`,
      );
      return 0;
    }
    const [now] = await findQuarantines(database, row.quarantineId);
    environment.printError(
      `Nothing was decided: it does not wait any more.\n${now ? renderQuarantine(now) : ''}\n`,
    );
    return 1;
  });
}

async function describe(database: Database, row: QuarantineRow): Promise<string> {
  const userIds = row.actions.map((action) => action.userId);
  return renderQuarantineWhole(row, await listNames(database, userIds));
}

async function findOne(database: Database, idStart: string): Promise<QuarantineRow> {
  const [row, second] = await findQuarantines(database, idStart.toLowerCase());
  if (row !== undefined && second === undefined) return row;
  const what = row === undefined ? 'No held removals have' : 'Several held removals have';
  throw new ControlError(
    'QUARANTINE_NOT_FOUND',
    `${what} an id that begins with ${idStart}; \`lcp quarantine list\` shows the ids.`,
    { details: { idStart } },
  );
}
