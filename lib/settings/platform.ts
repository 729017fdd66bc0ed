// DigitalOcean: its API, the functions namespace, and the droplet as `lcp` reaches it.

import { httpUrl, publicUrl, secret, text, type Variable } from './shapes.ts';

export const PLATFORM_VARIABLES = {
  DIGITALOCEAN_TOKEN: {
    about:
      'API token of DigitalOcean for `lcp provision` and `lcp deploy`, with the scopes of docs/provision.md and no delete scope but function:admin; no function gets it.',
    example: '',
    secret: true,
    schema: secret('Expected an API token of DigitalOcean.', /^\S+$/),
  },
  DIGITALOCEAN_API_URL: {
    about: 'DigitalOcean’s API; another host only for tests.',
    example: 'https://api.digitalocean.com',
    schema: publicUrl('DigitalOcean’s API').prefault('https://api.digitalocean.com'),
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
  DROPLET_SSH: {
    about:
      'How `lcp deploy` and `lcp upgrade` reach the droplet, such as root@llm.example.com or root@llm.example.com:2222 (`lcp provision` fills it in); `none` where there is no droplet.',
    example: 'none',
    schema: text('Expected user@host, user@host:port, or none.')
      .regex(/^(none|[a-z_][a-z0-9_-]*@[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?)$/, {
        error: 'Expected user@host, user@host:port, or none.',
      })
      .transform((value) => (value === 'none' ? undefined : value)),
  },
} as const satisfies Record<string, Variable>;
