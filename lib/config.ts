// Settings from the environment: each variable documented and checked where it is declared, parsed once at the
// edge and passed down as values. The only file that knows process.env's form.

import * as z from 'zod';
import { isGuid } from './ids.ts';
import { describeProblems, problemsError } from './problems.ts';
import { Secret } from './secret.ts';

const text = (expected: string) => z.string({ error: expected }).trim().min(1, { error: expected });
const guid = (what: string) =>
  text(`Expected ${what}, a GUID.`).refine(isGuid, { error: `Expected ${what}, a GUID.` });
const secret = (expected: string, shape = /./) =>
  text(expected)
    .regex(shape, { error: expected })
    .transform((value) => new Secret(value));
const httpsUrl = (what: string) =>
  text(`Expected ${what}, an https URL.`)
    .refine((value) => isUrl(value, ['https:']), { error: `Expected ${what}, an https URL without a query.` })
    .transform((value) => value.replace(/\/+$/, ''));
const httpUrl = (what: string) =>
  text(`Expected ${what}, an http or https URL.`)
    .refine((value) => isUrl(value, ['https:', 'http:']), {
      error: `Expected ${what}, an http or https URL without a query.`,
    })
    .transform((value) => value.replace(/\/+$/, ''));
/** http only where nothing leaves the machine: there browsers keep Secure cookies all the same. */
const publicUrl = (what: string) =>
  httpUrl(what)
    .refine((value) => isUrl(value, ['https:']) || isLoopback(value), {
      error: `Expected ${what}, an https URL; http only for localhost.`,
    })
    .refine((value) => URL.parse(value)?.pathname === '/', { error: `Expected ${what} without a path.` })
    .transform((value) => new URL(value).origin);
const postgresUrl = (what: string) =>
  text(`Expected ${what}, a postgres:// URL.`)
    .refine((value) => /^postgres(ql)?:\/\/[^/]+\/[^/?]+/.test(value), {
      error: `Expected ${what}: postgres://role:password@host:port/database.`,
    })
    .transform((value) => new Secret(value));
/** 32 bytes of an X25519 key in base64url: no quotes or line breaks, so project.yml can carry it as text. */
const x25519 = (what: string) =>
  text(`Expected ${what}: 43 characters, made by \`lcp escrow keygen\`.`).regex(/^[A-Za-z0-9_-]{43}$/, {
    error: `Expected ${what}: 43 characters, made by \`lcp escrow keygen\`.`,
  });

/** Every variable: what it is, how it is checked, an example for .env.example, whether its value is secret. */
export const VARIABLES = {
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
  DO_API_HOST: {
    about: 'API host of the DigitalOcean Functions namespace (`doctl serverless connect` shows it).',
    example: '',
    schema: httpUrl('the functions API host'),
  },
  DO_NAMESPACE: {
    about: 'The namespace, such as fn-0123….',
    example: '',
    schema: text('Expected the functions namespace.'),
  },
  DO_FUNCTIONS_KEY: {
    about: 'Access key of the namespace (dof_v1_…:secret).',
    example: '',
    secret: true,
    schema: secret('Expected the access key of the namespace, id:secret.', /^[^:]+:.+$/),
  },
} as const satisfies Record<string, Variable>;

type Variable = {
  readonly about: string;
  readonly example: string;
  readonly secret?: true;
  readonly schema: z.ZodType;
};

export type VariableName = keyof typeof VARIABLES;
export type Settings<Name extends VariableName> = {
  readonly [K in Name]: z.output<(typeof VARIABLES)[K]['schema']>;
};

/** What control/webhook may know: nothing of Entra, LiteLLM or the keys. */
export const WEBHOOK_SETTINGS = [
  'GRAPH_CLIENT_STATE',
  'WEBHOOK_DATABASE_URL',
  'DO_API_HOST',
  'DO_NAMESPACE',
  'DO_FUNCTIONS_KEY',
] as const satisfies readonly VariableName[];

/** What control/portal may know: nothing that reads Graph or changes LiteLLM. */
export const PORTAL_SETTINGS = [
  'PUBLIC_BASE_URL',
  'PORTAL_CLIENT_ID',
  'PORTAL_CLIENT_SECRET',
  'PORTAL_SESSION_KEY',
  'PORTAL_DATABASE_URL',
  'APPROVAL_LINK_KEY',
  'AZURE_TENANT_ID',
  'AZURE_AUTHORITY_HOST',
  'DO_API_HOST',
  'DO_NAMESPACE',
  'DO_FUNCTIONS_KEY',
] as const satisfies readonly VariableName[];

/** The named settings from `environment`; an empty value is a missing one.
 *  @throws ControlError CONFIG_INVALID that lists every problem, secrets redacted. */
export function parseSettings<Name extends VariableName>(
  names: readonly Name[],
  environment: Readonly<Record<string, string | undefined>>,
): Settings<Name> {
  const shape = Object.fromEntries(names.map((name) => [name, VARIABLES[name].schema]));
  const input = Object.fromEntries(names.map((name) => [name, environment[name]?.trim() || undefined]));
  const result = z.object(shape).safeParse(input, { reportInput: true });
  if (result.success) return result.data as Settings<Name>;
  const problems = describeProblems(result.error, {
    knownKeys: names,
    isSecret: (path) => isSecretName(String(path[0])),
  });
  throw problemsError(
    'The environment',
    problems.map((problem) => ({
      ...problem,
      message: `${problem.message} ${remedy(problem.path as VariableName)}`,
    })),
  );
}

function isSecretName(name: string): boolean {
  const variable: Variable | undefined = (VARIABLES as Record<string, Variable>)[name];
  return variable?.secret === true;
}

function remedy(name: VariableName): string {
  return `Set it in .env or in the environment: ${VARIABLES[name].about}`;
}

/** The query holds its signature, unlike any other URL of ours; a loopback host is the local world's channel. */
function isTeamsUrl(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && (url.protocol === 'https:' || url.hostname === '127.0.0.1') && url.username === '';
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  const url = URL.parse(value);
  return (
    url !== null &&
    protocols.includes(url.protocol) &&
    url.search === '' &&
    url.username === '' &&
    url.hash === ''
  );
}

function isLoopback(value: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(URL.parse(value)?.hostname ?? '');
}
