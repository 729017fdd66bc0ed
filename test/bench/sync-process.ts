// Starts a process that makes runs like a warm function, and asks it for one run at a time.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { NO_CERTIFICATES, TELLS_NOBODY } from '../control/unused-settings.ts';
import type { RunningTenant } from '../world/tenant/tenant.ts';
import { policyValue } from './policy.ts';
import { APPLICATION, NOTIFIED, type Servers } from './servers.ts';
import type { SyncAnswer, SyncOrder } from './sync-child.ts';

export type SyncProcess = {
  /** One run; a report that is not `succeeded` is an error, because its figures would be of something else. */
  run(where: SyncTarget): Promise<Extract<SyncAnswer, { status: 'done' }>>;
  stop(): Promise<void>;
};

export type SyncTarget = {
  readonly controlDatabaseUrl: string;
  readonly groupIds: readonly string[];
  /** Whether LiteLLM's state is read from its database; else over its API. */
  readonly readsDatabase: boolean;
};

const FUNCTION_MEMORY_MB = 256; // project.yml

/** A process that knows these servers and trusts this tenant. */
export function startSyncProcess(servers: Servers, tenant: RunningTenant): SyncProcess {
  const child = fork(servers.syncProgram, {
    // What the functions host gives a function of 256 MB, so that its memory is what a function would hold.
    execArgv: [`--max-old-space-size=${FUNCTION_MEMORY_MB}`],
    env: { PATH: process.env.PATH ?? '', NODE_EXTRA_CA_CERTS: tenant.caFile },
  });
  const exited = once(child, 'exit');
  return {
    async run({ controlDatabaseUrl, groupIds, readsDatabase }) {
      const settings = {
        AZURE_TENANT_ID: APPLICATION.tenantId,
        AZURE_CLIENT_ID: APPLICATION.clientId,
        AZURE_CLIENT_SECRET: APPLICATION.clientSecret,
        AZURE_AUTHORITY_HOST: tenant.baseUrl,
        GRAPH_BASE_URL: `${tenant.graphUrl}/v1.0`,
        ...NOTIFIED,
        LITELLM_BASE_URL: servers.litellm.baseUrl,
        LITELLM_ADMIN_KEY: servers.litellm.adminKey.reveal(),
        LITELLM_DATABASE_URL: readsDatabase ? servers.litellmReaderUrl : 'none',
        CONTROL_DATABASE_URL: controlDatabaseUrl,
        ...TELLS_NOBODY,
        ...NO_CERTIFICATES,
        KEY_ESCROW_PUBLIC_KEY: servers.escrowPublicKey,
      };
      child.send({ settings, policy: policyValue(groupIds) } satisfies SyncOrder);
      const ended = exited.then(([code]): never => {
        throw new Error(`The process that runs the sync ended with ${code}.`);
      });
      const [answer] = (await Promise.race([once(child, 'message'), ended])) as [SyncAnswer];
      if (answer.status === 'failed') throw new Error(`The sync failed: ${answer.reason}`);
      if (answer.report.status !== 'succeeded') {
        throw new Error(
          `The sync ended as ${answer.report.status}: ${JSON.stringify(answer.report)}\n${answer.logLines.join('')}`,
        );
      }
      return answer;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
