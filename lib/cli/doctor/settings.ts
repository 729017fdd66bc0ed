// What the checks begin with: the policy, the settings of each function that is deployed or about to be, and whether the
// certificates among them belong together and last.

import { X509Certificate } from 'node:crypto';
import { OPERATOR_SETTINGS, SYNC_SETTINGS } from '../../composition.ts';
import {
  AGENT_SETTINGS,
  BACKUP_SETTINGS,
  PORTAL_SETTINGS,
  parseSettings,
  type VariableName,
  WEBHOOK_SETTINGS,
} from '../../config.ts';
import { openKey, sealKey } from '../../keys/escrow.ts';
import { type ClientIdentity, joinMutualTls } from '../../mutual-tls.ts';
import { Secret } from '../../secret.ts';
import { type CliEnvironment, readPolicyFile } from '../environment.ts';
import { type Check, type Finding, failed, notChecked, well } from './check.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** The droplet makes a new one 120 days before the end (droplet/install/issue-certificates), and each must be deployed. */
const SOON_DAYS = 30;

/** Who is named in which certificate, as the droplet issues them. */
const IDENTITIES = {
  OPERATOR_CLIENT_IDENTITY: 'operator',
  SYNC_CLIENT_IDENTITY: 'control-sync',
  WEBHOOK_CLIENT_IDENTITY: 'control-webhook',
  PORTAL_CLIENT_IDENTITY: 'control-portal',
  AGENT_CLIENT_IDENTITY: 'control-agent',
  BACKUP_CLIENT_IDENTITY: 'control-backup',
} as const satisfies Partial<Record<VariableName, string>>;
type IdentityName = keyof typeof IDENTITIES;

type Variables = CliEnvironment['variables'];

export function settingsChecks(
  { variables, clock }: Pick<CliEnvironment, 'variables' | 'clock'>,
  policyFile: string,
): readonly Check[] {
  return [
    {
      id: 'policy',
      what: `policy (${policyFile})`,
      why: 'it decides who gets what; a build with a wrong one stops.',
      run: () => {
        readPolicyFile(policyFile);
        return well();
      },
    },
    {
      id: 'settings-lcp',
      what: 'settings of lcp',
      why: 'nothing else can be tried without them.',
      run: () => {
        const settings = parseSettings(OPERATOR_SETTINGS, variables);
        joinMutualTls(settings.DATA_PLANE_CA, settings.OPERATOR_CLIENT_IDENTITY);
        return well();
      },
    },
    ofFunction('sync', SYNC_SETTINGS, 'SYNC_CLIENT_IDENTITY', variables),
    ofFunction('webhook', WEBHOOK_SETTINGS, 'WEBHOOK_CLIENT_IDENTITY', variables),
    ofFunction('portal', PORTAL_SETTINGS, 'PORTAL_CLIENT_IDENTITY', variables),
    ofFunction('agent', AGENT_SETTINGS, 'AGENT_CLIENT_IDENTITY', variables),
    ofFunction('backup', BACKUP_SETTINGS, 'BACKUP_CLIENT_IDENTITY', variables),
    {
      id: 'identities',
      what: 'Each client identity is of DATA_PLANE_CA, names its function, and lasts',
      why: 'one that has ended shuts its function out at once: no joins, no leaves, no portal.',
      needs: ['settings-lcp'],
      run: () => checkIdentities(variables, clock.now()),
    },
    // Only where this machine may open keys.
    ...(variables.KEY_ESCROW_PRIVATE_KEY ? [escrowCheck(variables)] : []),
  ];
}

function ofFunction(
  name: string,
  names: readonly VariableName[],
  identity: IdentityName,
  variables: Variables,
): Check {
  return {
    id: `settings-${name}`,
    what: `settings of control/${name}`,
    why: 'a function with a wrong setting fails at its first call.',
    run: () => {
      const settings = parseSettings([...names, 'DATA_PLANE_CA', identity], variables);
      joinMutualTls(settings.DATA_PLANE_CA, settings[identity]);
      return well();
    },
  };
}

function escrowCheck(variables: Variables): Check {
  return {
    id: 'escrow',
    what: 'escrow keys belong together',
    why: 'keys that were made meanwhile could never be shown to their owners.',
    run: async () => {
      const pair = parseSettings(['KEY_ESCROW_PUBLIC_KEY', 'KEY_ESCROW_PRIVATE_KEY'], variables);
      const [publicKey, privateKey] = [pair.KEY_ESCROW_PUBLIC_KEY, pair.KEY_ESCROW_PRIVATE_KEY];
      await openKey(await sealKey(new Secret('probe'), publicKey), { publicKey, privateKey });
      return well();
    },
  };
}

function checkIdentities(variables: Variables, now: Date): Finding {
  const { DATA_PLANE_CA } = parseSettings(['DATA_PLANE_CA'], variables);
  if (DATA_PLANE_CA === undefined) return notChecked('DATA_PLANE_CA is none');
  const names = (Object.keys(IDENTITIES) as IdentityName[]).filter((name) => variables[name]);
  const found = parseSettings(names, variables);
  const shown = names.flatMap((name) => {
    const identity = found[name];
    return identity === undefined ? [] : [describeIdentity(name, identity, DATA_PLANE_CA, now)];
  });
  const problems = shown.flatMap(({ problems: own }) => own);
  if (problems.length === 0) {
    return well(`${shown.length}, the first ends in ${Math.min(...shown.map(({ days }) => days))} days`);
  }
  return failed(
    problems.join('\n'),
    'on the droplet run `install/print-settings`, put its lines into .env, and deploy.',
  );
}

/** Pure but for OpenSSL. */
function describeIdentity(
  name: IdentityName,
  { certificate }: ClientIdentity,
  ca: string,
  now: Date,
): { readonly days: number; readonly problems: readonly string[] } {
  const own = new X509Certificate(certificate);
  const authorities = [...ca.matchAll(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g)].map(
    ([pem]) => new X509Certificate(pem),
  );
  const days = Math.floor((new Date(own.validTo).getTime() - now.getTime()) / DAY_MS);
  const subject = `CN=${IDENTITIES[name]}`;
  const problems: string[] = [];
  if (!authorities.some(({ publicKey }) => own.verify(publicKey))) {
    problems.push(`${name} is not signed by DATA_PLANE_CA.`);
  }
  if (own.subject !== subject) {
    problems.push(`${name} names ${own.subject.replaceAll('\n', ', ')}, not ${subject}.`);
  }
  if (new Date(own.validFrom).getTime() > now.getTime()) problems.push(`${name} is not valid yet.`);
  else if (days < 0) problems.push(`${name} ended ${-days} days ago.`);
  else if (days < SOON_DAYS) problems.push(`${name} ends in ${days} days.`);
  return { days, problems };
}
