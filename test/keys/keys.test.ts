import { randomBytes, randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { parseEntraGroupId, parseEntraUserId } from '../../lib/ids.ts';
import { createEscrowKeyPair, openKey, sealKey } from '../../lib/keys/escrow.ts';
import { mintKey } from '../../lib/keys/mint.ts';
import { revealKeys } from '../../lib/keys/reveal.ts';
import { Secret } from '../../lib/secret.ts';
import { listAudit } from '../../lib/store/audit.ts';
import { insertEscrowedKey, markKeyLive } from '../../lib/store/keys.ts';
import { useControlDatabases } from '../store/database-fixture.ts';

const createControlDatabase = useControlDatabases();
const owner = () => ({
  userId: parseEntraUserId(randomUUID()),
  teamId: parseEntraGroupId(randomUUID()),
  generation: 1,
});
const now = new Date('2026-11-23T02:00:00Z');

test('a minted key opens only with the private half, and prints as [redacted]', async () => {
  const pair = await createEscrowKeyPair();
  const minted = await mintKey(owner(), { escrowPublicKey: pair.publicKey, randomBytes });
  const other = await createEscrowKeyPair();

  expect((await openKey(minted.jwe, pair)).reveal()).toBe(minted.plaintext.reveal());
  expect(minted.plaintext.reveal()).toMatch(/^sk-[\w-]{43}$/);
  expect(`${inspect(minted)}${JSON.stringify(minted)}`).not.toContain(minted.plaintext.reveal());
  await expect(openKey(minted.jwe, other)).rejects.toMatchObject({ code: 'ESCROW_INVALID' });
  await expect(openKey('not a jwe', pair)).rejects.toMatchObject({ code: 'ESCROW_INVALID' });
});

test('a key is shown once: its ciphertext is destroyed and the audit says who asked', async () => {
  const { database } = await createControlDatabase();
  const pair = await createEscrowKeyPair();
  const { userId, teamId, generation } = owner();
  const { keyHash, alias, jwe, plaintext } = await mintKey(
    { userId, teamId, generation },
    { escrowPublicKey: pair.publicKey, randomBytes },
  );
  await insertEscrowedKey(database, { keyHash, userId, teamId, alias, generation, jwe }, null);
  const request = { userId, actor: 'cli:test', now };
  await expect(revealKeys(database, pair, request)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
  await markKeyLive(database, keyHash);

  const revealed = await revealKeys(database, pair, request);

  expect(revealed.map((key) => key.plaintext.reveal())).toEqual([plaintext.reveal()]);
  await expect(revealKeys(database, pair, request)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
  expect((await database.query('select jwe from keys')).rows).toEqual([{ jwe: null }]);
  expect(await listAudit(database, '0', 10)).toMatchObject([
    { event: 'key_revealed', actor: 'cli:test', keyHash },
  ]);
});

test('nothing is destroyed when the escrow key is the wrong one', async () => {
  const { database } = await createControlDatabase();
  const pair = await createEscrowKeyPair();
  const wrong = await createEscrowKeyPair();
  const { userId, teamId, generation } = owner();
  const jwe = await sealKey(new Secret('sk-x'), pair.publicKey);
  const minted = await mintKey(
    { userId, teamId, generation },
    { escrowPublicKey: pair.publicKey, randomBytes },
  );
  await insertEscrowedKey(database, { ...minted, userId, teamId, generation, jwe }, null);
  await markKeyLive(database, minted.keyHash);

  await expect(revealKeys(database, wrong, { userId, actor: 'cli:test', now })).rejects.toMatchObject({
    code: 'ESCROW_INVALID',
  });
  expect(await revealKeys(database, pair, { userId, teamId, actor: 'cli:test', now })).toHaveLength(1);
});
