// LiteLLM as the rest of the library sees it: under Entra's ids, whatever ids an adopted team or user has there. The
// pairs are read whenever LiteLLM's state is read, at the same time, and hold until the next such read: a run reads
// under the lease that an adoption takes as well, so they cannot change in mid-run.

import type { KeyHash } from '../ids.ts';
import type { Gateway } from './client.ts';
import {
  createIdentityMap,
  type IdentityMap,
  type IdentityPair,
  renameKey,
  renameKeys,
  renameState,
  renameTeam,
  renameTeamId,
  renameUser,
  renameUserId,
} from './identity-map.ts';
import type { GatewayKey, GatewayState } from './state.ts';

export type GatewayAccess = {
  readonly gateway: Gateway;
  readonly readGatewayState: (signal: AbortSignal) => Promise<GatewayState>;
  readonly readGatewayKeys: (
    keyHashes: readonly KeyHash[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<KeyHash, GatewayKey>>;
};

/** The same access under Entra's ids. `readPairs` is asked once a read of the state or of keys. */
export function mapGateway(
  access: GatewayAccess,
  readPairs: () => Promise<readonly IdentityPair[]>,
): GatewayAccess {
  let latest: Promise<IdentityMap> | undefined;
  const readMap = () => {
    const reading = readPairs().then(createIdentityMap);
    latest = reading;
    // A failed read is no map: whoever asks next reads again.
    reading.catch(() => {
      if (latest === reading) latest = undefined;
    });
    return reading;
  };
  return {
    gateway: renameCalls(access.gateway, () => latest ?? readMap()),
    readGatewayState: async (signal) => {
      const [map, state] = await Promise.all([readMap(), access.readGatewayState(signal)]);
      return renameState(map, state);
    },
    readGatewayKeys: async (keyHashes, signal) => {
      const [map, keys] = await Promise.all([readMap(), access.readGatewayKeys(keyHashes, signal)]);
      return renameKeys(map, keys);
    },
  };
}

/** Every id that goes in or comes out, renamed. */
function renameCalls(gateway: Gateway, findMap: () => Promise<IdentityMap>): Gateway {
  const team = async (teamId: string) => renameTeamId(await findMap(), teamId);
  const user = async (userId: string) => renameUserId(await findMap(), userId);
  const users = async (userIds: readonly string[]) => Promise.all(userIds.map(user));
  const inside = async <T extends { readonly userId: string }>(items: readonly T[]): Promise<T[]> => {
    const map = await findMap();
    return items.map((item) => ({ ...item, userId: renameUserId(map, item.userId) }));
  };
  return {
    ...gateway,
    listTeams: async (signal) => {
      const teams = await gateway.listTeams(signal);
      const map = await findMap();
      return teams.map((row) => renameTeam(map, row));
    },
    listUsers: async (signal) => {
      const rows = await gateway.listUsers(signal);
      const map = await findMap();
      return rows.map((row) => renameUser(map, row));
    },
    listKeys: async (signal) => {
      const keys = await gateway.listKeys(signal);
      const map = await findMap();
      return keys.map((row) => renameKey(map, row));
    },
    readTeam: async (teamId, signal) => {
      const row = await gateway.readTeam(await team(teamId), signal);
      return row && renameTeam(await findMap(), row);
    },
    readLastChange: async (row, signal) => {
      const id = row.what === 'key' ? row.id : await { team, user }[row.what](row.id);
      return gateway.readLastChange({ ...row, id }, signal);
    },
    readKey: async (keyHash, signal) => {
      const row = await gateway.readKey(keyHash, signal);
      return row && renameKey(await findMap(), row);
    },
    createUsers: async (rows, signal) => inside(await gateway.createUsers(await inside(rows), signal)),
    updateUsers: async (changes, signal) => inside(await gateway.updateUsers(await inside(changes), signal)),
    createTeam: async (row, signal) =>
      gateway.createTeam(
        { ...row, teamId: await team(row.teamId), memberUserIds: await users(row.memberUserIds) },
        signal,
      ),
    updateTeam: async (teamId, changes, signal) => gateway.updateTeam(await team(teamId), changes, signal),
    blockTeam: async (teamId, signal) => gateway.blockTeam(await team(teamId), signal),
    unblockTeam: async (teamId, signal) => gateway.unblockTeam(await team(teamId), signal),
    listKeysOf: async (userId, signal) => {
      const keys = await gateway.listKeysOf(await user(userId), signal);
      const map = await findMap();
      return keys.map((row) => renameKey(map, row));
    },
    deleteUser: async (userId, signal) => gateway.deleteUser(await user(userId), signal),
    addTeamMembers: async (teamId, userIds, signal) =>
      gateway.addTeamMembers(await team(teamId), await users(userIds), signal),
    removeTeamMember: async (teamId, userId, signal) =>
      gateway.removeTeamMember(await team(teamId), await user(userId), signal),
    generateKey: async (key, signal) =>
      gateway.generateKey({ ...key, teamId: await team(key.teamId), userId: await user(key.userId) }, signal),
    moveKey: async (keyHash, teamId, signal) =>
      gateway.moveKey(keyHash, teamId === null ? null : await team(teamId), signal),
  };
}
