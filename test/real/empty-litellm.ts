// Empties the LiteLLM that the real suites share, so that a test pays for its own people and not for those of every test
// before it: a run reads all users and keys, a hundred a page, and a page takes LiteLLM a quarter of a second.

import pg from 'pg';

/** All but the user behind the master key, whom LiteLLM puts into every team. */
const EMPTY = `
  delete from "LiteLLM_VerificationToken";
  delete from "LiteLLM_TeamMembership";
  delete from "LiteLLM_TeamTable";
  delete from "LiteLLM_UserTable" where user_id <> 'default_user_id';`;

/** No test may be under way that has something there. */
export async function emptyLiteLLM(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(EMPTY);
  } finally {
    await client.end();
  }
}
