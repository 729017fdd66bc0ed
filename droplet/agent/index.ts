// The agent on the droplet: reports its health to control/agent each minute and works on the jobs that the control plane
// leaves in its database. Needs no right but its own key and a role that may claim jobs; knows no key of Spaces, LiteLLM
// or Docker. Ends on SIGTERM; systemd starts it again after anything else (droplet/systemd/litellm-agent.service).

import { systemClock } from '../../lib/clock.ts';
import { Secret } from '../../lib/secret.ts';
import { createDatabase } from '../../lib/store/database.ts';
import { createJobKinds } from './job-kinds.ts';
import { runJobs } from './job-runner.ts';
import { log } from './log.ts';
import { makeReport } from './make-report.ts';
import { postToken } from './post-token.ts';
import { readHost } from './read-host.ts';
import { createReporter } from './reporter.ts';
import { readAgentSettings } from './settings.ts';
import { readIdentity, signReport } from './sign-report.ts';

/** Put in by the build (scripts/build-agent.ts). */
declare const AGENT_VERSION: string;

/** The socket is on this machine: what takes longer is not there. */
const DATABASE_TIMEOUT_MS = 5_000;

async function main(): Promise<void> {
  const settings = readAgentSettings(process.env);
  const identity = readIdentity(settings.identityFile);
  const ending = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ending.abort());
  log('agent_started', { version: AGENT_VERSION, dropletId: settings.dropletId });

  const reporter = createReporter({
    intervalMs: settings.reportIntervalMs,
    clock: systemClock,
    random: Math.random,
    log,
    makeReport: (clockAheadSeconds) =>
      makeReport(readHost(settings), {
        now: systemClock.now(),
        agentVersion: AGENT_VERSION,
        clockAheadSeconds,
      }),
    send: async (report, signal) => {
      const { url: audience, dropletId } = settings;
      const token = await signReport(identity, report, { audience, dropletId, now: systemClock.now() });
      return postToken(settings.url, token, signal);
    },
  });
  await Promise.all([reporter.run(ending.signal), workOnJobs(settings, reporter.reportNow, ending.signal)]);
  log('agent_ended');
}

async function workOnJobs(
  { databaseUrl, jobIntervalMs }: ReturnType<typeof readAgentSettings>,
  reportNow: ReturnType<typeof createReporter>['reportNow'],
  signal: AbortSignal,
): Promise<void> {
  if (databaseUrl === undefined) return;
  const database = createDatabase({
    url: new Secret(databaseUrl),
    maxConnections: 1,
    connectTimeoutMs: DATABASE_TIMEOUT_MS,
    statementTimeoutMs: DATABASE_TIMEOUT_MS,
    answerTimeoutMs: DATABASE_TIMEOUT_MS,
  });
  const kinds = createJobKinds({ reportNow });
  try {
    await runJobs({ database, kinds, clock: systemClock, intervalMs: jobIntervalMs, log }, signal);
  } finally {
    await database.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
