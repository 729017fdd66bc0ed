// Access tokens for Microsoft Graph by client credentials. With client.ts this is the edge that knows
// Microsoft's libraries; @azure/identity is loaded only when a token is asked for.

import type { ClientSecretCredential } from '@azure/identity';
import * as z from 'zod';
import { ControlError } from '../errors.ts';
import type { Secret } from '../secret.ts';

export type TokenSourceOptions = {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** https origin of the sign-in service, such as https://login.microsoftonline.com. */
  readonly authorityHost: string;
  /** https origin of Graph; the token is asked for this resource. */
  readonly graphBaseUrl: string;
};

export type TokenSource = {
  /** A token that is valid now, from memory where possible.
   *  @throws ControlError GRAPH_DENIED, GRAPH_THROTTLED, GRAPH_UNAVAILABLE */
  readToken(signal: AbortSignal): Promise<string>;
};

// MSAL does not tell Retry-After, but refuses to ask again for at least this long (its ThrottlingUtils).
const MSAL_THROTTLE_MS = 60_000;

// Instance discovery asks Microsoft whether an authority is genuine; it cannot know any other host.
const MICROSOFT_AUTHORITIES: ReadonlySet<string> = new Set([
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.partner.microsoftonline.cn',
]);

// What MSAL puts inside the library's error: the HTTP status and Entra's AADSTS number.
const entraRefusal = z.object({
  cause: z.object({ status: z.number().int(), errorNo: z.number().int().optional() }),
});

/** Keep it for as long as the process lives: warm invocations then share one token. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  let loading: Promise<ClientSecretCredential> | undefined;
  let reading: Promise<string> | undefined;

  async function read(signal: AbortSignal): Promise<string> {
    loading ??= loadCredential(options);
    const credential = await loading.catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    try {
      const scope = `${new URL(options.graphBaseUrl).origin}/.default`;
      return (await untilAborted(credential.getToken(scope, { abortSignal: signal }), signal)).token;
    } catch (error) {
      const failure = describeFailure(error);
      // MSAL answers the next requests itself for 60 s after any failed one, a passing 503 included; only a new
      // credential asks again. Where Entra throttles us that is right, so the credential stays.
      if (failure.code !== 'GRAPH_THROTTLED') loading = undefined;
      throw failure;
    }
  }

  return {
    // Concurrent first requests wait for one token instead of asking for one each.
    readToken(signal) {
      reading ??= read(signal).finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}

async function loadCredential(options: TokenSourceOptions): Promise<ClientSecretCredential> {
  const { ClientSecretCredential } = await import('./client-secret-credential.ts');
  return new ClientSecretCredential(options.tenantId, options.clientId, options.clientSecret.reveal(), {
    authorityHost: options.authorityHost,
    disableInstanceDiscovery: !MICROSOFT_AUTHORITIES.has(new URL(options.authorityHost).hostname),
    // Its own retries sleep as long as the server says; ours know the deadline.
    retryOptions: { maxRetries: 0 },
  });
}

function describeFailure(error: unknown): ControlError {
  const { status, errorNo } = entraRefusal.safeParse(error).data?.cause ?? {};
  const details = { httpStatus: status, aadsts: errorNo };
  if (status === undefined || status >= 500) {
    const message =
      'The sign-in service of Entra did not answer properly; if it stays so, check AZURE_AUTHORITY_HOST and AZURE_TENANT_ID.';
    return new ControlError('GRAPH_UNAVAILABLE', message, { cause: error, retryable: true, details });
  }
  if (status === 429) {
    const message = 'The sign-in service of Entra asks to wait; the next run goes on.';
    return new ControlError('GRAPH_THROTTLED', message, {
      cause: error,
      retryable: true,
      retryAfterMs: MSAL_THROTTLE_MS,
      details,
    });
  }
  const message = `Entra refused the credentials (AADSTS${errorNo ?? ' number unknown'}); check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, and that the secret has not expired.`;
  return new ControlError('GRAPH_DENIED', message, { cause: error, details });
}

// MSAL ignores the signal that it is given (4.14.1, measured: 20 s past the abort), so the wait ends here; its
// request ends with its own connection.
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([work, aborted]);
}
