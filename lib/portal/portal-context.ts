// What every route of the portal finds in its context.

import type { Context, Hono } from 'hono';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Secret } from '../secret.ts';
import type { Session } from './session.ts';
import type { SignIn } from './sign-in.ts';

export type PortalParts = {
  /** The origin that people see; nothing is taken from the request's Host. */
  readonly publicBaseUrl: string;
  readonly tenantId: string;
  readonly sessionKey: Secret;
  readonly signIn: SignIn;
  readonly clock: Clock;
  /** 32 random bytes in base64url, others each time. */
  readonly randomText: () => string;
};

export type PortalEnv = {
  /** Of one invocation. */
  Bindings: { readonly log: Log };
  Variables: {
    readonly portal: PortalParts;
    /** Whoever is signed in. */
    readonly session: Session | undefined;
  };
};

export type PortalContext = Context<PortalEnv>;
export type PortalApp = Hono<PortalEnv>;
