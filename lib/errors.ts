// The one error class and the closed list of its codes. Tests and callers assert codes, never messages.

/** Each code: what happened; who acts; whether a retry helps. A code never changes its meaning. */
export const ERROR_CODES = {
  CONFIG_INVALID: 'A setting or policy.yml is wrong; the Admin corrects it; a retry does not help.',
  ID_INVALID: 'An identifier from outside has the wrong form; the caller is wrong; a retry does not help.',
  NAME_UNKNOWN:
    'Nobody, no team, or more than one carries the name or address given; the caller gives the object id.',
  GRAPH_THROTTLED: 'Microsoft Graph asks to wait longer than this run has; the next run goes on.',
  GRAPH_UNAVAILABLE: 'Microsoft Graph or its network did not answer properly; a retry helps.',
  GRAPH_DENIED: 'Entra refused the credentials or a permission is missing; the Admin grants it.',
  GRAPH_ANSWER_INVALID: 'Microsoft Graph answered in a form we do not know; DevOps reports it.',
  SUBSCRIPTION_REFUSED:
    'Microsoft Graph refuses to notify us (permission, quota, or the webhook did not answer); the Admin acts; the schedule finds changes meanwhile.',
  GATEWAY_UNAVAILABLE: 'LiteLLM or its network did not answer properly; a retry helps.',
  GATEWAY_DENIED:
    'LiteLLM refused the admin key, or the control host and we do not accept each other’s certificate; DevOps corrects LITELLM_ADMIN_KEY, or the identity and DATA_PLANE_CA.',
  GATEWAY_REFUSED: 'LiteLLM refused the request itself; a retry does not help.',
  GATEWAY_ANSWER_INVALID: 'LiteLLM answered in a form we do not know; DevOps checks its version.',
  GATEWAY_READ_INCOMPLETE: 'A list read from LiteLLM changed or ended early; a retry helps.',
  GATEWAY_WRITE_LOST: 'LiteLLM answered 200 but the re-read does not show the change; a retry helps.',
  GATEWAY_VERSION_DENIED: 'This LiteLLM version is known to be compromised; DevOps replaces it.',
  STORE_UNAVAILABLE: 'The control database did not answer; a retry helps.',
  STORE_DENIED:
    'The control database refused the role, its database or the client certificate, or its own certificate is not of our authority; DevOps corrects CONTROL_DATABASE_URL, the identity or DATA_PLANE_CA.',
  STORE_SCHEMA_MISMATCH: 'The control database is not at the level this code needs; run `lcp migrate`.',
  LEASE_HELD: 'Another run is at work; the next run goes on.',
  LEASE_LOST: 'This run lost its lease to a later one and stopped writing; the later run goes on.',
  ADOPTION_REFUSED:
    'What is to be adopted does not fit LiteLLM, the tenant or policy.yml (any more); the Admin proposes anew; a retry does not help.',
  KEY_NOT_FOUND: 'There is no such key to reveal; the person asks for a rotation.',
  TEST_KEY_REFUSED: 'A test key is not for this person or team; the caller names another.',
  QUARANTINE_NOT_FOUND: 'No held removals have this id, or several have; the Admin looks at the list.',
  ESCROW_INVALID: 'A key cannot be opened with this escrow key; DevOps checks KEY_ESCROW_PRIVATE_KEY.',
  AUDIT_BROKEN: 'The audit chain does not verify; DevOps investigates.',
  AUDIT_EXPORT_LOST:
    'Spaces lacks an export of the audit that was written there; DevOps brings the object back from its versions.',
  OBJECTS_UNAVAILABLE: 'Spaces did not answer properly; a retry helps.',
  OBJECTS_DENIED: 'Spaces refused the access key or the bucket; DevOps corrects the SPACES_ settings.',
  OBJECTS_REFUSED:
    'Spaces refused the request itself or answered in a form we do not know; DevOps reports it.',
  OBJECT_CONFLICT: 'Another object has the name of one that is written once; DevOps looks at the bucket.',
  FUNCTION_UNAVAILABLE: 'The functions API did not answer properly; a retry helps.',
  FUNCTION_REFUSED: 'The functions API refused the call; DevOps checks DO_FUNCTIONS_KEY and the deployment.',
  DEPLOY_REFUSED:
    'Something a deployment needs is missing or wrong (doctl, its namespace, its token); DevOps puts it right; nothing was deployed.',
  DEPLOY_INCOMPLETE:
    'A deployment did not arrive as project.yml says; the message says what runs; a repeat goes on.',
  PLATFORM_UNAVAILABLE: 'DigitalOcean’s API did not answer properly; a retry helps.',
  DROPLET_UNREACHABLE:
    'The droplet did not answer over SSH, or the connection broke; a retry helps, or DevOps checks ssh_from and the keys.',
  DROPLET_REFUSED: 'The droplet could not do what was asked; DevOps reads why; a retry alone does not help.',
  UPGRADE_REFUSED: 'LiteLLM is not upgraded to this version or not now; nothing was changed.',
  UPGRADE_BUSY: 'Another upgrade is at work on the droplet; it is waited for, not joined.',
  UPGRADE_STUCK:
    'An upgrade can neither go on nor return by itself; DevOps does what the message says and runs it again.',
  SIGN_IN_REFUSED:
    'A sign-in to the portal did not check out and opened nothing; the person starts again; a repeat of the same does not help.',
  SIGN_IN_UNAVAILABLE: 'Microsoft’s sign-in did not answer properly; a retry helps.',
  SIGN_IN_MISCONFIGURED:
    'Microsoft does not know the portal or its secret; the Admin corrects PORTAL_CLIENT_ID and PORTAL_CLIENT_SECRET.',
  FORM_REFUSED:
    'A posted form did not come from a page that the portal gave to this session; nothing was changed; the person opens the page again.',
  CLOUD_UNAVAILABLE: 'DigitalOcean’s API did not answer properly; a retry helps.',
  CLOUD_OUTCOME_UNKNOWN:
    'DigitalOcean’s API was asked for a change and did not say what became of it; a second run looks first.',
  CLOUD_DENIED: 'DigitalOcean refused the token, or it lacks a scope; DevOps corrects DIGITALOCEAN_TOKEN.',
  CLOUD_REFUSED: 'DigitalOcean refused the request itself; DevOps corrects droplet.yml or the account.',
  CLOUD_ANSWER_INVALID: 'DigitalOcean answered in a form we do not know; DevOps reports it.',
  PROVISION_REFUSED:
    'What is there already does not let the droplet be made safely; DevOps does what the message says; nothing was changed.',
  DROPLET_FAILED: 'DigitalOcean could not finish the droplet or its parts; DevOps looks at it there.',
  DROPLET_SETUP_FAILED:
    'The first boot stopped at a step, or gave settings we do not know; DevOps reads its log.',
  DEADLINE_REACHED: 'The time of this run is used up; the next run goes on.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export type ControlErrorOptions = {
  readonly cause?: unknown;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  /** Identifiers and counts only: never a secret, never a person's name. */
  readonly details?: Readonly<Record<string, unknown>>;
};

/** A failure with a stable code. `message` is a sentence a DevOps understands, with the next step. */
export class ControlError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ControlErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ControlError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? {};
  }
}

/** Whether `error` is a ControlError, and with `code` whether it carries that code. */
export function isControlError(error: unknown, code?: ErrorCode): error is ControlError {
  return error instanceof ControlError && (code === undefined || error.code === code);
}
