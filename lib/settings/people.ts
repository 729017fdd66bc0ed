// The portal, the keys until people take them, and what Teams is told.

import { Secret } from '../secret.ts';
import { guid, isTeamsUrl, postgresUrl, publicUrl, secret, text, type Variable, x25519 } from './shapes.ts';

export const PEOPLE_VARIABLES = {
  PUBLIC_BASE_URL: {
    about:
      'Where people reach the public site; the portal is `/dashboard` on it, and `/dashboard/sign-in/callback` is its redirect URI in Entra.',
    example: 'https://llm.example.com',
    schema: publicUrl('the public site'),
  },
  PORTAL_CLIENT_ID: {
    about:
      'Application (client) ID of the portal’s own app registration: app roles Admin, DevOps and Member, no API permission.',
    example: '00000000-0000-4000-8000-000000000003',
    schema: guid('the application id of the portal').transform((value) => value.toLowerCase()),
  },
  PORTAL_CLIENT_SECRET: {
    about: 'Client secret of the portal’s app registration; it can only finish sign-ins.',
    example: '',
    secret: true,
    schema: secret('Expected the client secret of the portal’s app registration.'),
  },
  PORTAL_SESSION_KEY: {
    about:
      'Seals the portal’s cookies: 32 random bytes in base64url (`openssl rand 32 | basenc --base64url | tr -d =`). A new one signs everybody out.',
    example: '',
    secret: true,
    schema: secret('Expected 32 random bytes in base64url, 43 characters.', /^[A-Za-z0-9_-]{43}$/),
  },
  PORTAL_DATABASE_URL: {
    about: 'The same database through the role of control/portal.',
    example: '',
    secret: true,
    schema: postgresUrl('the control database for the portal'),
  },
  KEY_ESCROW_PUBLIC_KEY: {
    about: 'Keys are encrypted to this X25519 key the moment they are made (`lcp escrow keygen`).',
    example: '',
    schema: x25519('the public escrow key'),
  },
  KEY_ESCROW_PRIVATE_KEY: {
    about: 'Opens escrowed keys once, to show them to their owner; never given to control/sync.',
    example: '',
    secret: true,
    schema: x25519('the private escrow key').transform((value) => new Secret(value)),
  },
  TEAMS_WEBHOOK_URL: {
    about:
      'Where Teams takes cards: the URL of a Workflows flow “when a webhook request is received” of the DevOps channel; `none` tells nobody. Whoever has it can post there.',
    example: 'none',
    secret: true,
    schema: text('Expected an https URL, or none.')
      .refine((value) => value === 'none' || isTeamsUrl(value), {
        error: 'Expected the https URL that Teams Workflows shows when the flow is saved, or none.',
      })
      .transform((value) => (value === 'none' ? undefined : new Secret(value))),
  },
  APPROVAL_LINK_KEY: {
    about: 'Signs the links by which held removals are decided: 32 random bytes (`openssl rand -hex 32`).',
    example: '',
    secret: true,
    schema: secret('Expected 64 hexadecimal digits.', /^[0-9a-f]{64}$/),
  },
} as const satisfies Record<string, Variable>;
