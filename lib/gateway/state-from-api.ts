// Reads what LiteLLM has over its admin API: for where its database cannot be reached. Three lists, one after the
// other, so a change in between may show in one and not in another; the database reader has one instant.

import type { KeyHash } from '../ids.ts';
import type { Gateway } from './client.ts';
import type { GatewayKey, GatewayState } from './state.ts';

/** @throws ControlError GATEWAY_READ_INCOMPLETE and the client's other codes; never a shorter list */
export async function readStateFromApi(
  gateway: Pick<Gateway, 'listTeams' | 'listUsers' | 'listKeys'>,
  signal: AbortSignal,
): Promise<GatewayState> {
  const teams = await gateway.listTeams(signal);
  const users = await gateway.listUsers(signal);
  const keys = await gateway.listKeys(signal);
  return {
    teams: new Map(teams.map((team) => [team.teamId, team])),
    users: new Map(users.map((user) => [user.userId, user])),
    keys: new Map(keys.map((key) => [key.keyHash, key])),
  };
}

/** These keys alone; one that LiteLLM lacks is absent. Throws the client's codes. */
export async function readKeysFromApi(
  gateway: Pick<Gateway, 'readKey'>,
  keyHashes: readonly KeyHash[],
  signal: AbortSignal,
): Promise<ReadonlyMap<KeyHash, GatewayKey>> {
  const keys = await Promise.all(keyHashes.map((keyHash) => gateway.readKey(keyHash, signal)));
  return new Map(keys.filter((key) => key !== undefined).map((key) => [key.keyHash, key]));
}
