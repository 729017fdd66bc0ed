// What Microsoft Entra and Graph are asked with, and what Microsoft must say to the webhook.

import { Secret } from '../secret.ts';
import { guid, httpsUrl, secret, type Variable } from './shapes.ts';

export const ENTRA_VARIABLES = {
  AZURE_TENANT_ID: {
    about: 'Directory (tenant) ID of the app registration in Entra.',
    example: '00000000-0000-4000-8000-000000000001',
    schema: guid('the tenant id').transform((value) => value.toLowerCase()),
  },
  AZURE_CLIENT_ID: {
    about: 'Application (client) ID of the app registration.',
    example: '00000000-0000-4000-8000-000000000002',
    schema: guid('the application id').transform((value) => value.toLowerCase()),
  },
  AZURE_CLIENT_SECRET: {
    about:
      'Client secret of the app registration; needs the application permissions GroupMember.Read.All and User.Read.All.',
    example: '',
    secret: true,
    schema: secret('Expected the client secret of the app registration.'),
  },
  AZURE_AUTHORITY_HOST: {
    about: 'Where tokens come from; another host only for a national cloud.',
    example: 'https://login.microsoftonline.com',
    schema: httpsUrl('the authority'),
  },
  GRAPH_BASE_URL: {
    about: 'Microsoft Graph with its version; another host only for a national cloud.',
    example: 'https://graph.microsoft.com/v1.0',
    schema: httpsUrl('Microsoft Graph').refine((value) => value.endsWith('/v1.0'), {
      error: 'Expected a URL that ends in /v1.0.',
    }),
  },
  GRAPH_CLIENT_STATE: {
    about:
      'What Microsoft must say with each notification: 32 to 128 random characters (`openssl rand -hex 32`). To change it, put the new value before the old one with a comma, deploy, and drop the old one when `lcp status` says so.',
    example: '',
    secret: true,
    schema: secret(
      'Expected 32 to 128 letters, digits, - or _; while changing it, the new value, a comma and the old one.',
      /^[\w-]{32,128}(,[\w-]{32,128})?$/,
    ).transform((value) =>
      value
        .reveal()
        .split(',')
        .map((part) => new Secret(part)),
    ),
  },
} as const satisfies Record<string, Variable>;
