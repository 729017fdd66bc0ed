// DigitalOcean: the functions namespace, the account, and the droplet as `lcp` reaches it.

import { httpUrl, secret, text, type Variable } from './shapes.ts';

export const PLATFORM_VARIABLES = {
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
  DIGITALOCEAN_ACCESS_TOKEN: {
    about:
      'DigitalOcean API token for `lcp deploy` (scope function:admin), by the name doctl reads; no function gets it.',
    example: '',
    secret: true,
    schema: secret('Expected a DigitalOcean API token without spaces.', /^\S+$/),
  },
  DROPLET_SSH: {
    about:
      'How `lcp deploy` and `lcp upgrade` reach the droplet, such as root@llm.example.com or root@llm.example.com:2222; `none` where there is no droplet.',
    example: 'none',
    schema: text('Expected user@host, user@host:port, or none.')
      .regex(/^(none|[a-z_][a-z0-9_-]*@[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?)$/, {
        error: 'Expected user@host, user@host:port, or none.',
      })
      .transform((value) => (value === 'none' ? undefined : value)),
  },
} as const satisfies Record<string, Variable>;
