// The agent on the droplet: by which key its reports are known, and where control/agent leaves them.

import { postgresUrl, text, type Variable } from './shapes.ts';

const EXPECTED =
  'Expected the public key that the agent printed, 43 characters; while changing it, the new one, a comma and the old one.';

export const AGENT_VARIABLES = {
  AGENT_PUBLIC_KEY: {
    about:
      'The droplet’s agent signs its reports with a key that never leaves the droplet; this is the public half (Ed25519), which the installation prints. To change it, put the new value before the old one with a comma, deploy, change the key on the droplet, and drop the old value.',
    example: '',
    schema: text(EXPECTED)
      .regex(/^[A-Za-z0-9_-]{43}(,[A-Za-z0-9_-]{43})?$/, { error: EXPECTED })
      .transform((value) => value.split(',')),
  },
  AGENT_DATABASE_URL: {
    about:
      'The control database through the role of control/agent, which owns nothing: it can leave a report of the droplet’s health, and only that (`lcp migrate` grants it).',
    example: '',
    secret: true,
    schema: postgresUrl('the control database for control/agent'),
  },
} as const satisfies Record<string, Variable>;
