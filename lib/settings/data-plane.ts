// Where LiteLLM and the databases are, and with what they are opened.

import { Secret } from '../secret.ts';
import { certificateAuthority, clientIdentity } from './pem.ts';
import { httpUrl, postgresUrl, secret, text, type Variable } from './shapes.ts';

/** One each, so that a leaked one can be replaced alone and the droplet's log tells who called. */
const identityOf = (whom: string) =>
  ({
    about: `By what the droplet knows ${whom}: the PEM of its certificate and of its key, one after the other, as base64 in one line; \`none\` where DATA_PLANE_CA is none.`,
    example: 'none',
    secret: true,
    schema: clientIdentity(`the certificate and key of ${whom}`),
  }) as const;

export const DATA_PLANE_VARIABLES = {
  LITELLM_BASE_URL: {
    about: 'LiteLLM’s management routes (the control host of the droplet).',
    example: 'https://control.llm.example.com',
    schema: httpUrl('LiteLLM'),
  },
  LITELLM_ADMIN_KEY: {
    about: 'A proxy_admin key of its own for the control plane; not the master key.',
    example: '',
    secret: true,
    schema: secret('Expected a LiteLLM key that starts with sk-.', /^sk-/),
  },
  LITELLM_DATABASE_URL: {
    about:
      'LiteLLM’s database through the read-only role; `none` reads over the admin API instead, which is slower.',
    example: 'none',
    secret: true,
    schema: text('Expected a postgres:// URL, or none.')
      .refine((value) => value === 'none' || /^postgres(ql)?:\/\/[^/]+\/[^/?]+/.test(value), {
        error: 'Expected postgres://role:password@host:port/database, or none.',
      })
      .transform((value) => (value === 'none' ? undefined : new Secret(value))),
  },
  CONTROL_DATABASE_URL: {
    about: 'The control plane’s own database.',
    example: '',
    secret: true,
    schema: postgresUrl('the control database'),
  },
  WEBHOOK_DATABASE_URL: {
    about:
      'The same database through the role of control/webhook, which owns nothing and is granted nothing: it can leave hints, and only that.',
    example: '',
    secret: true,
    schema: postgresUrl('the control database for the webhook'),
  },
  DATA_PLANE_CA: {
    about:
      'The private authority of the droplet, which vouches for its control and database host and for whoever calls them: its certificate (never its key) in PEM, as base64 in one line; `none` where the data plane is on this machine.',
    example: 'none',
    schema: certificateAuthority('the certificate of the droplet’s authority'),
  },
  SYNC_CLIENT_IDENTITY: identityOf('control/sync'),
  WEBHOOK_CLIENT_IDENTITY: identityOf('control/webhook'),
  PORTAL_CLIENT_IDENTITY: identityOf('control/portal'),
  AGENT_CLIENT_IDENTITY: identityOf('control/agent'),
  BACKUP_CLIENT_IDENTITY: identityOf('control/backup'),
  OPERATOR_CLIENT_IDENTITY: identityOf('`lcp` on an Admin’s machine'),
} as const satisfies Record<string, Variable>;
