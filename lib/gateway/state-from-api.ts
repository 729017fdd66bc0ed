// Reads what LiteLLM has over its admin API: for where its database cannot be reached. Three lists, one after the
// other, so a change in between may show in one and not in another; the database reader has one instant.

import type { Gateway } from './client.ts';
import type { GatewayState } from './state.ts';

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
