// What the fake LiteLLM remembers: plain maps of rows with LiteLLM's own field names. Tests may read and change
// them directly; that is the hand of somebody else in LiteLLM.

export type FakeMember = { user_id: string; user_email: string | null; role: string };

export type FakeTeam = {
  team_id: string;
  team_alias: string | null;
  members_with_roles: FakeMember[];
  metadata: Record<string, unknown>;
  tpm_limit: number | null;
  rpm_limit: number | null;
  max_budget: number | null;
  budget_duration: string | null;
  models: string[];
  blocked: boolean;
  spend: number;
};

export type FakeUser = {
  user_id: string;
  user_alias: string | null;
  sso_user_id: string | null;
  user_role: string | null;
  user_email: string | null;
  metadata: Record<string, unknown>;
  teams: string[];
  spend: number;
};

export type FakeKey = {
  /** SHA-256 of the key; the key itself is not kept. */
  token: string;
  key_name: string;
  key_alias: string | null;
  user_id: string | null;
  team_id: string | null;
  metadata: Record<string, unknown>;
  blocked: boolean | null;
  expires: string | null;
  spend: number;
  created_at: string;
  last_active: string | null;
};

export type FakeBudget = {
  budget_id: string;
  max_budget: number | null;
  budget_duration: string | null;
  tpm_limit: number | null;
  rpm_limit: number | null;
};

export type FakeState = {
  readonly teams: Map<string, FakeTeam>;
  readonly users: Map<string, FakeUser>;
  readonly keys: Map<string, FakeKey>;
  /** What the members of a team share. */
  readonly budgets: Map<string, FakeBudget>;
};

export function createFakeState(): FakeState {
  return { teams: new Map(), users: new Map(), keys: new Map(), budgets: new Map() };
}

/** Puts `saved`, a copy made earlier, in the place of what is there. */
export function restoreState(state: FakeState, saved: FakeState): void {
  for (const name of ['teams', 'users', 'keys', 'budgets'] as const) {
    const rows: Map<string, unknown> = state[name];
    rows.clear();
    for (const [id, row] of saved[name]) rows.set(id, structuredClone(row));
  }
}

/** The user's row, made as LiteLLM makes it along the way: without email, alias and sso_user_id. */
export function ensureUser(state: FakeState, userId: string): FakeUser {
  const existing = state.users.get(userId);
  if (existing !== undefined) return existing;
  const user = {
    user_id: userId,
    user_alias: null,
    sso_user_id: null,
    user_role: 'internal_user',
    user_email: null,
    metadata: {},
    teams: [],
    spend: 0,
  };
  state.users.set(userId, user);
  return user;
}
