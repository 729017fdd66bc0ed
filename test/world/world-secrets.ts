// The secrets of a local world: made on its first start, kept in its folder for the next ones, readable by its owner
// only. They open nothing but this world.

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { createEscrowKeyPair } from '../../lib/keys/escrow.ts';
import { Secret } from '../../lib/secret.ts';

export type WorldSecrets = {
  readonly clientSecret: Secret;
  readonly graphClientState: Secret;
  readonly tenantControlToken: Secret;
  readonly portalClientSecret: Secret;
  readonly portalSessionKey: Secret;
  readonly approvalLinkKey: Secret;
  readonly teamsSignature: Secret;
  readonly spacesSecret: Secret;
  /** LiteLLM's master key, also its admin key: the local world has one administrator. */
  readonly masterKey: Secret;
  readonly escrowPublicKey: string;
  readonly escrowPrivateKey: Secret;
};

const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));
const storedSecrets = z.object({
  clientSecret: secret,
  graphClientState: secret,
  tenantControlToken: secret,
  portalClientSecret: secret,
  portalSessionKey: secret,
  approvalLinkKey: secret,
  teamsSignature: secret,
  spacesSecret: secret,
  masterKey: secret,
  escrowPublicKey: z.string().min(1),
  escrowPrivateKey: secret,
});

/** The secrets in `file`; what it lacks, all at the first start, is made there. */
export async function readWorldSecrets(file: string): Promise<WorldSecrets> {
  const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const result = storedSecrets.safeParse(kept);
  if (result.success) return result.data;
  const pair = await createEscrowKeyPair();
  const made = {
    clientSecret: randomBytes(24).toString('base64url'),
    graphClientState: randomBytes(32).toString('hex'),
    tenantControlToken: randomBytes(24).toString('base64url'),
    portalClientSecret: randomBytes(24).toString('base64url'),
    portalSessionKey: randomBytes(32).toString('base64url'),
    approvalLinkKey: randomBytes(32).toString('hex'),
    teamsSignature: randomBytes(24).toString('base64url'),
    spacesSecret: randomBytes(24).toString('base64url'),
    masterKey: `sk-${randomBytes(24).toString('base64url')}`,
    escrowPublicKey: pair.publicKey,
    escrowPrivateKey: pair.privateKey.reveal(),
    ...kept,
  };
  writeFileSync(file, JSON.stringify(made, null, 2), { mode: 0o600 });
  return storedSecrets.parse(made);
}
