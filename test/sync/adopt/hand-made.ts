// A company whose LiteLLM was filled by hand: teams with the names of two groups, people with other ids, keys of many
// kinds, and what belongs to nobody. LiteLLM is whichever is given: the fake or the real one.

import { randomBytes, randomUUID } from 'node:crypto';
import type { DirectoryUser } from '../../../lib/directory/directory.ts';
import { completeRead } from '../../../lib/directory/read.ts';
import { mapGateway } from '../../../lib/gateway/mapped-gateway.ts';
import { parseRunId } from '../../../lib/ids.ts';
import { listAdoptions } from '../../../lib/store/adoptions.ts';
import { applyAdoption } from '../../../lib/sync/adopt/apply-adoption.ts';
import { parseAdoptionText } from '../../../lib/sync/adopt/file.ts';
import { proposeAdoption } from '../../../lib/sync/adopt/propose.ts';
import { renderProposal } from '../../../lib/sync/adopt/render.ts';
import type { ControlDatabase } from '../../store/database-fixture.ts';
import { createCompany, type LiteLLMAddress } from '../reconcile-fixture.ts';

export async function createHandMadeCompany(litellm: LiteLLMAddress, database: ControlDatabase) {
  const company = await createCompany(litellm, database, [4, 2]);
  const { groups, directory, dependencies, gateway } = company;
  const [first, second] = groups;
  const [ada, bob, cora, dan] = first ? (directory.members.get(first) ?? []) : [];
  const [eve] = second ? (directory.members.get(second) ?? []) : [];
  if (!first || !second || !ada || !bob || !cora || !dan || !eve) throw new Error('six people');
  // Ada is in both groups.
  directory.members.get(second)?.push(ada);

  const hand = createHand(litellm);
  const outsider = `outsider-${randomUUID()}`;
  const adaId = await hand.user(ada.mail?.toUpperCase() ?? '');
  const bobId = await hand.user(null, bob.id);
  const eveId = await hand.user(eve.userPrincipalName, null, 'proxy_admin');
  await hand.user(`${outsider}@example.com`, null, 'internal_user', outsider);
  const settings = { models: ['gpt-4'], max_budget: 100, budget_duration: '30d' };
  const teams = await Promise.all(
    [
      [adaId, bobId, outsider],
      [adaId, eveId],
    ].map((members, i) => hand.team({ ...settings, team_alias: `Team ${groups[i]?.slice(0, 8)}`, members })),
  );
  const [team, otherTeam] = teams;
  const openTeam = await hand.team({ team_alias: `Open ${randomUUID()}`, members: [outsider] });
  const keys = {
    ada: await hand.key({ user_id: adaId, team_id: team, max_budget: 5, metadata: { app: 'notebook' } }),
    adaElsewhere: await hand.key({ user_id: adaId, team_id: otherTeam, models: ['gpt-4'], rpm_limit: 900 }),
    adaWithoutTeam: await hand.key({ user_id: adaId }),
    bob: await hand.key({ user_id: bobId, team_id: team }),
    bobSpare: await hand.key({ user_id: bobId, team_id: team }),
    eve: await hand.key({ user_id: eveId, team_id: otherTeam, key_alias: `eve-${randomUUID()}` }),
    outsider: await hand.key({ user_id: outsider, team_id: team }),
    service: await hand.key({ team_id: team }),
    open: await hand.key({ team_id: openTeam }),
  };

  const unmapped = {
    gateway,
    readGatewayState: dependencies.readGatewayState,
    readGatewayKeys: dependencies.readGatewayKeys,
  };
  const mapped = mapGateway(unmapped, () => listAdoptions(company.database));
  const adoptable = { ...dependencies, unmapped };
  const readGroupNames = async () =>
    completeRead(new Map(groups.map((id) => [id, ` team ${id.slice(0, 8)}`] as const)));
  const propose = () =>
    proposeAdoption({ ...adoptable, readGroupNames }, AbortSignal.timeout(60_000)).then((proposal) =>
      onlyOf(proposal, new Set(teams), new Set([adaId, bobId, eveId, outsider])),
    );
  const apply = (
    file: Awaited<ReturnType<typeof propose>>,
    overrides: Partial<Parameters<typeof applyAdoption>[0]> = {},
  ) =>
    applyAdoption({ ...adoptable, ...overrides }, parseAdoptionText('adoption.yml', renderProposal(file)), {
      runId: parseRunId(randomUUID()),
      actor: 'test',
      signal: AbortSignal.timeout(60_000),
    });
  return {
    ...company,
    unmapped,
    mapped,
    keys,
    teams: { team: team ?? '', otherTeam: otherTeam ?? '', openTeam },
    groupIds: { first, second },
    people: { ada, bob, cora, dan, eve } satisfies Record<string, DirectoryUser>,
    userIds: { ada: adaId, bob: bobId, eve: eveId, outsider },
    propose,
    apply,
    /** A run as it is composed outside of tests: under Entra's ids. */
    sync: () => company.run(mapped),
  };
}

export type HandMadeCompany = Awaited<ReturnType<typeof createHandMadeCompany>>;

/** The LiteLLM is shared by many tests: of what was made by hand there, only this company's. */
function onlyOf(
  proposal: Awaited<ReturnType<typeof proposeAdoption>>,
  teams: ReadonlySet<string>,
  users: ReadonlySet<string>,
) {
  return {
    ...proposal,
    teams: proposal.teams.filter((team) => teams.has(team.team_id)),
    users: proposal.users.filter((user) => users.has(user.user_id)),
  };
}

/** Somebody with the admin key and no control plane. */
function createHand({ baseUrl, adminKey }: LiteLLMAddress) {
  async function post(path: string, body: unknown): Promise<void> {
    const response = await fetch(`${baseUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey.reveal()}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  }
  return {
    user: async (
      user_email: string | null,
      sso_user_id: string | null = null,
      user_role: string | null = null,
      user_id = `hand-${randomUUID()}`,
    ) => {
      const given = Object.entries({ user_id, user_email, sso_user_id, user_role }).filter(
        ([, value]) => value,
      );
      const user = { ...Object.fromEntries(given), auto_create_key: false };
      await post('/management/v1/users/bulk', { users: [user] });
      return user_id;
    },
    team: async ({ members, ...settings }: { members: readonly string[] } & Record<string, unknown>) => {
      const team_id = `hand-${randomUUID()}`;
      const members_with_roles = members.map((user_id) => ({ user_id, role: 'user' }));
      await post('/team/new', { team_id, metadata: { cost: 'centre 7' }, ...settings, members_with_roles });
      return team_id;
    },
    key: async (settings: Record<string, unknown>) => {
      const key = `sk-${randomBytes(32).toString('base64url')}`;
      await post('/key/generate', { key, ...settings });
      return key;
    },
  };
}
