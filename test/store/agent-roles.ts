// The roles of control/agent and of the agent on the droplet as a deployment makes them: they may log in, and `lcp
// migrate` grants them the rest.

import { randomUUID } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import type { Database } from '../../lib/store/database.ts';
import { grantAgentFunction, grantDropletAgent } from '../../lib/store/grants.ts';

/** URL of the database at `url` for a new role that may do what control/agent needs. */
export async function createAgentUrl(owner: Database, url: Secret): Promise<Secret> {
  const { name, ownUrl } = await createRole(owner, url, 'agent');
  await grantAgentFunction(owner, name);
  return ownUrl;
}

/** The same for the agent on the droplet. */
export async function createDropletAgentUrl(owner: Database, url: Secret): Promise<Secret> {
  const { name, ownUrl } = await createRole(owner, url, 'droplet_agent');
  await grantDropletAgent(owner, name);
  return ownUrl;
}

async function createRole(owner: Database, url: Secret, kind: string) {
  const name = `${kind}_${randomUUID().replaceAll('-', '')}`;
  const password = randomUUID();
  await owner.query(`create role ${name} login password '${password}'`);
  const own = new URL(url.reveal());
  own.username = name;
  own.password = password;
  return { name, ownUrl: new Secret(own.href) };
}
