// The bucket in Spaces that the audit is exported to: whether it is private, keeps versions, and gets its exports.

import { describeAuditExport } from '../../audit/export-state.ts';
import type { Bucket } from '../../objects/bucket.ts';
import { findAuditExportProgress } from '../../store/audit-exports.ts';
import type { Database } from '../../store/database.ts';
import { type Check, failed, well } from './check.ts';

/** @throws what openBucket throws: then a setting is wrong */
export function spacesChecks(
  openBucket: () => Bucket,
  database: () => Pick<Database, 'query'>,
): readonly Check[] {
  return [
    {
      id: 'spaces-reached',
      what: 'the bucket in Spaces is reached with its key',
      why: 'what must outlive the droplet is there.',
      run: async (signal) => {
        const bucket = openBucket();
        const entries = await bucket.list('audit/', signal);
        return well(`${bucket.name}, ${entries.length} exports of the audit`);
      },
    },
    {
      id: 'spaces-private',
      what: 'strangers cannot list the bucket',
      why: 'the audit says who had access to what, and backups hold everything.',
      needs: ['spaces-reached'],
      run: async (signal) =>
        (await openBucket().isPublic(signal))
          ? failed(
              'Anybody may list it.',
              'restrict its file listing in DigitalOcean’s panel (Spaces, Settings).',
            )
          : well(),
    },
    {
      id: 'spaces-versions',
      what: 'the bucket keeps versions',
      why: 'whoever steals the key could otherwise replace a proof or a backup, and nothing would be left of it.',
      needs: ['spaces-reached'],
      run: async (signal) =>
        (await openBucket().isVersioned(signal))
          ? well()
          : failed(
              'Versioning is off.',
              'turn it on with an S3 client (PutBucketVersioning); DigitalOcean’s panel has no switch for it.',
            ),
    },
    {
      id: 'audit-exported',
      what: 'the audit is exported every night',
      why: 'only an export that its owner cannot change proves that the database was not rewritten.',
      needs: ['store-level'],
      run: async () => {
        const { isLate, line } = describeAuditExport(await findAuditExportProgress(database()));
        return isLate ? failed(line) : well(line);
      },
    },
  ];
}
