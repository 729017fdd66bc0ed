// `lcp doctor`: tries every setting, permission and peer, stops at nothing, and says what to do. Changes nothing.

import { randomUUID } from 'node:crypto';
import { composeSync, OPERATOR_SETTINGS, type RunSettings, SYNC_SETTINGS } from '../composition.ts';
import { parseSettings, type VariableName } from '../config.ts';
import { checkDirectoryAccess } from '../directory/access.ts';
import { isControlError } from '../errors.ts';
import { checkGatewayVersion } from '../gateway/health.ts';
import { openKey, sealKey } from '../keys/escrow.ts';
import { createLog } from '../log.ts';
import { joinMutualTls, type MutualTls } from '../mutual-tls.ts';
import { createFunctionsHost } from '../platform/functions-host.ts';
import type { Policy } from '../policy/schema.ts';
import { Secret } from '../secret.ts';
import { verifyAudit } from '../store/audit.ts';
import { requireSchema } from '../store/schema.ts';
import { checkPortal } from './doctor-portal.ts';
import { checkSubscriptions, checkWebhook } from './doctor-webhook.ts';
import { type CliEnvironment, readPolicyFile } from './environment.ts';

const PEER_TIMEOUT_MS = 20_000;

type Check = { readonly what: string; readonly problem?: string };

/** 0 when everything is well, 1 otherwise. */
export async function doctorCommand(
  environment: CliEnvironment,
  options: { policy: string },
): Promise<number> {
  const checks: Check[] = [];
  const tryIt = async <T>(what: string, work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      const value = await work();
      checks.push({ what });
      return value;
    } catch (error) {
      checks.push({ what, problem: messageOf(error) });
      return undefined;
    }
  };

  const { variables } = environment;
  const policy = await tryIt(`policy (${options.policy})`, () => readPolicyFile(options.policy));
  await tryIt('settings of control/sync', () => {
    const settings = parseSettings(SYNC_SETTINGS, variables);
    joinMutualTls(settings.DATA_PLANE_CA, settings.SYNC_CLIENT_IDENTITY);
  });
  const own = await tryIt('settings of lcp', () => {
    const settings = parseSettings(OPERATOR_SETTINGS, variables);
    return { settings, tls: joinMutualTls(settings.DATA_PLANE_CA, settings.OPERATOR_CLIENT_IDENTITY) };
  });
  if (own) await checkPeers(environment, own, policy, tryIt, checks);
  await checkEscrow(variables, tryIt);
  await checkWebhook(environment, tryIt);
  await checkPortal(environment, tryIt);
  await checkFunctions(variables, tryIt);

  for (const { what, problem } of checks) {
    environment.print(
      problem === undefined
        ? `ok    ${what}\n`
        : `FAIL  ${what}\n        ${problem.replaceAll('\n', '\n        ')}\n`,
    );
  }
  const failed = checks.filter((check) => check.problem !== undefined).length;
  environment.print(
    failed === 0
      ? '\nAll well.\n'
      : `\n${failed} of ${checks.length} checks failed; each line above says what to do.\n`,
  );
  return failed === 0 ? 0 : 1;
}

type TryIt = <T>(what: string, work: () => T | Promise<T>) => Promise<T | undefined>;

async function checkPeers(
  environment: CliEnvironment,
  { settings, tls }: { readonly settings: RunSettings; readonly tls: MutualTls | undefined },
  policy: Policy | undefined,
  tryIt: TryIt,
  checks: Check[],
): Promise<void> {
  const signal = AbortSignal.timeout(4 * PEER_TIMEOUT_MS);
  const deadlineAt = new Date(environment.clock.now().getTime() + PEER_TIMEOUT_MS);
  const nothing: Policy = { ...(policy ?? ({} as Policy)), groups: policy?.groups ?? [] };
  const parts = composeSync({
    settings,
    tls,
    policy: nothing,
    clock: environment.clock,
    log: createLog({}, { write: () => undefined }),
    codeVersion: 'cli',
    deadlineAt,
  });
  try {
    await tryIt('control database reached, at the level this version needs', () =>
      requireSchema(parts.database),
    );
    await tryIt('Microsoft notifies us of joins and leaves', () =>
      checkSubscriptions(parts.database, environment.clock.now()),
    );
    await tryIt('audit chain intact', async () => {
      const state = await verifyAudit(parts.database);
      if (state.status === 'broken')
        throw new Error(`Row ${state.seq} does not fit (${state.reason}); see \`lcp audit verify\`.`);
    });
    const health = await tryIt('LiteLLM answers, with its database', async () => {
      const found = await parts.gateway.readHealth(signal);
      if (!found.databaseConnected) throw new Error('LiteLLM runs without its database; look at its log.');
      return found;
    });
    if (health)
      await tryIt(`LiteLLM version ${health.version ?? 'unknown'} may run`, () =>
        checkGatewayVersion(health.version),
      );
    await tryIt('LITELLM_ADMIN_KEY may read teams, users and keys', () =>
      Promise.all([
        parts.gateway.listTeams(signal),
        parts.gateway.listUsers(signal),
        parts.gateway.listKeys(signal),
      ]),
    );
    const source = settings.LITELLM_DATABASE_URL
      ? 'its database'
      : 'the admin API (LITELLM_DATABASE_URL is none)';
    await tryIt(`LiteLLM’s state is read from ${source}`, () => parts.unmapped.readGatewayState(signal));
    const access = await checkDirectoryAccess(
      parts.directoryClient,
      nothing.groups.map((group) => group.entra_group),
      signal,
    );
    for (const { what, remedy } of access)
      checks.push({ what: `Entra: ${what}`, ...(remedy === null ? {} : { problem: remedy }) });
  } finally {
    await parts.close();
  }
}

async function checkEscrow(variables: CliEnvironment['variables'], tryIt: TryIt): Promise<void> {
  if (!variables.KEY_ESCROW_PRIVATE_KEY) return;
  await tryIt('escrow keys belong together', async () => {
    const pair = parseSettings(['KEY_ESCROW_PUBLIC_KEY', 'KEY_ESCROW_PRIVATE_KEY'], variables);
    const jwe = await sealKey(new Secret('probe'), pair.KEY_ESCROW_PUBLIC_KEY);
    await openKey(jwe, { publicKey: pair.KEY_ESCROW_PUBLIC_KEY, privateKey: pair.KEY_ESCROW_PRIVATE_KEY });
  });
}

/** Only where the functions are deployed and this machine may call them. */
async function checkFunctions(variables: CliEnvironment['variables'], tryIt: TryIt): Promise<void> {
  const names = [
    'DO_API_HOST',
    'DO_NAMESPACE',
    'DO_FUNCTIONS_KEY',
  ] as const satisfies readonly VariableName[];
  if (!names.some((name) => variables[name])) return;
  await tryIt('functions API reached with DO_FUNCTIONS_KEY', async () => {
    const settings = parseSettings(names, variables);
    const host = createFunctionsHost({
      apiHost: settings.DO_API_HOST,
      namespace: settings.DO_NAMESPACE,
      key: settings.DO_FUNCTIONS_KEY,
      timeoutMs: PEER_TIMEOUT_MS,
    });
    await host.findActivation(randomUUID().replaceAll('-', ''), AbortSignal.timeout(PEER_TIMEOUT_MS));
  });
}

function messageOf(error: unknown): string {
  if (isControlError(error)) return error.message;
  return error instanceof Error ? error.message : String(error);
}
