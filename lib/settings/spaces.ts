// The Spaces bucket that holds what must outlive the droplet: the audit's exports, and backups.

import { httpUrl, postgresUrl, secret, text, type Variable } from './shapes.ts';

export const SPACES_VARIABLES = {
  SPACES_ENDPOINT: {
    about: 'Spaces of your region, without the bucket.',
    example: 'https://fra1.digitaloceanspaces.com',
    schema: httpUrl('Spaces'),
  },
  SPACES_REGION: {
    about: 'The region of the bucket, as Spaces’ signatures name it.',
    example: 'fra1',
    schema: text('Expected a region, such as fra1.').regex(/^[a-z0-9-]+$/, {
      error: 'Expected a region, such as fra1.',
    }),
  },
  SPACES_BUCKET: {
    about: 'The bucket, private and with versioning on (`lcp doctor` checks both).',
    example: '',
    schema: text('Expected the name of the bucket.').regex(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, {
      error: 'Expected 3 to 63 lower-case letters, digits and hyphens.',
    }),
  },
  SPACES_ACCESS_KEY_ID: {
    about: 'Access key that may read and write this bucket, and no other.',
    example: '',
    secret: true,
    schema: secret('Expected the id of a Spaces access key.'),
  },
  SPACES_SECRET_ACCESS_KEY: {
    about: 'The secret of that access key; the droplet never gets it.',
    example: '',
    secret: true,
    schema: secret('Expected the secret of the Spaces access key.'),
  },
  BACKUP_DATABASE_URL: {
    about:
      'The control database through the role of control/backup, which reads the audit and notes what it exported.',
    example: '',
    secret: true,
    schema: postgresUrl('the control database for control/backup'),
  },
} as const satisfies Record<string, Variable>;
