// A child process as the functions host starts one: it knows the tenant by its environment alone, and trusts
// it by NODE_EXTRA_CA_CERTS. Prints how many direct members the group has, or why it could not be read.

import { env, stdout } from 'node:process';
import { systemClock } from '../../lib/clock.ts';
import { createDirectoryClient } from '../../lib/directory/client.ts';
import { createDirectory } from '../../lib/directory/create-directory.ts';
import { parseEntraGroupId } from '../../lib/ids.ts';
import { Secret } from '../../lib/secret.ts';

const groupId = parseEntraGroupId(env.GROUP_ID);
const client = createDirectoryClient({
  tenantId: env.AZURE_TENANT_ID ?? '',
  clientId: env.AZURE_CLIENT_ID ?? '',
  clientSecret: new Secret(env.AZURE_CLIENT_SECRET ?? ''),
  authorityHost: env.AZURE_AUTHORITY_HOST ?? '',
  graphBaseUrl: env.GRAPH_BASE_URL ?? '',
  clock: systemClock,
  deadlineAt: new Date(systemClock.now().getTime() + 1_500),
});
const read = (await createDirectory(client).readGroups([groupId], new AbortController().signal)).get(groupId);
stdout.write(
  read?.status === 'complete'
    ? `${read.value.users.length} people, ${read.value.nestedGroupIds.length} groups`
    : `${read?.reason}`,
);
