// The agent as it is shipped: the built bundle on this Node, with the flags of its unit, in a process of its own.

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildAgent } from '../../../scripts/build-agent.ts';
import { unitFlags } from '../../world/agent.ts';
import { type Child, startChild } from '../../world/child.ts';

const ROOT = resolve(import.meta.dirname, '..', '..', '..');

export type AgentProgram = {
  readonly publicKey: string;
  readonly logFile: string;
  readonly log: () => string;
  start(variables: Readonly<Record<string, string>>): Child;
};

/** Builds the agent into `folder` and makes its key there. */
export async function prepareAgent(folder: string): Promise<AgentProgram> {
  const bundle = join(folder, 'agent.cjs');
  const identityFile = join(folder, 'identity.pem');
  const logFile = join(folder, 'agent.log');
  await buildAgent(ROOT, bundle);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(identityFile, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  return {
    publicKey: publicKey.export({ format: 'jwk' }).x ?? '',
    logFile,
    log: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
    start: (variables) =>
      startChild({
        command: process.execPath,
        args: [...unitFlags(), bundle],
        env: {
          PATH: process.env.PATH,
          AGENT_IDENTITY_FILE: identityFile,
          DROPLET_ID: 'droplet-1',
          ...variables,
        },
        logFile,
        stopSignal: 'TERM',
      }),
  };
}
