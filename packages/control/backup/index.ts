// control/backup: invoked by its schedule every day at 02:00 UTC and by hand, never from the web. Puts what was added
// to the audit since yesterday into Spaces; answers how much.

import { exportAuditDaily } from '../../../lib/audit/export-daily.ts';
import { systemClock } from '../../../lib/clock.ts';
import { BACKUP_SETTINGS, parseSettings } from '../../../lib/config.ts';
import { isControlError } from '../../../lib/errors.ts';
import { createLog } from '../../../lib/log.ts';
import { joinMutualTls } from '../../../lib/mutual-tls.ts';
import { createSpacesBucket } from '../../../lib/objects/spaces.ts';
import { createDatabase } from '../../../lib/store/database.ts';
import { requireSchema } from '../../../lib/store/schema.ts';

type Context = { readonly activationId: string; readonly getRemainingTimeInMillis: () => number };
type Result = { readonly body: Readonly<Record<string, unknown>> };

/** For the object that was begun last: the platform kills at its deadline. */
const MARGIN_MS = 30_000;

export async function main(_event: unknown, context: Context): Promise<Result> {
  const log = createLog({ function: 'control/backup', activationId: context.activationId });
  try {
    const settings = parseSettings(BACKUP_SETTINGS, process.env);
    const remainingMs = context.getRemainingTimeInMillis();
    const deadlineAt = new Date(systemClock.now().getTime() + Math.max(0, remainingMs - MARGIN_MS));
    const tls = joinMutualTls(settings.DATA_PLANE_CA, settings.BACKUP_CLIENT_IDENTITY);
    const bucket = createSpacesBucket(settings, systemClock);
    // Once a day: nothing is gained by a connection that waits for tomorrow.
    const database = createDatabase({ url: settings.BACKUP_DATABASE_URL, maxConnections: 1, tls });
    try {
      await requireSchema(database);
      const signal = AbortSignal.timeout(remainingMs);
      const exported = await exportAuditDaily(
        { database, bucket, clock: systemClock, log },
        { deadlineAt, signal },
      );
      log[exported.isComplete ? 'info' : 'warn']('audit_export_finished', exported);
      return { body: { audit: exported } };
    } finally {
      await database.close();
    }
  } catch (error) {
    const code = isControlError(error) ? error.code : 'UNEXPECTED';
    const message = error instanceof Error ? error.message : String(error);
    if (code === 'LEASE_HELD') {
      log.info('audit_export_skipped', { code });
      return { body: { status: 'skipped', code, message } };
    }
    log.error('audit_export_failed', { code, message });
    // Throwing marks the activation as failed, which is what DevOps looks for.
    throw new Error(`${code}: ${message}`);
  }
}
