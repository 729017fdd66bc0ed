// What `lcp deploy` says: the plan before, the outcome after. Pure; names and versions, never a value.

import type { Comparison, Difference, WantedFunction } from '../platform/compare-deployment.ts';
import type { DeployOutcome } from '../platform/deploy-functions.ts';

export type DeployPlan = {
  readonly id: string;
  readonly connection: { readonly namespace: string; readonly apiHost: string };
  readonly wanted: readonly WantedFunction[];
  readonly before: Comparison;
  readonly droplet: string | undefined;
};

export function renderDeployPlan({ id, connection, wanted, before, droplet }: DeployPlan): string {
  const lines = [`deployment ${id} to ${connection.namespace} on ${connection.apiHost}`];
  for (const one of wanted) {
    const differences = before.differences.filter(({ functionName }) => functionName === one.name);
    const web = one.web === false ? 'not on the web' : 'on the web';
    if (differences.length > 0) lines.push(`  ${one.name} (${web}): deploy`);
    else if (before.unproven.includes(one.name))
      lines.push(`  ${one.name} (${web}): deploy; the platform does not show all of it`);
    else lines.push(`  ${one.name} (${web}): as it should be`);
    lines.push(...differences.map(({ text }) => `      ${text}`));
    lines.push(...one.triggers.map(({ name, cron }) => `      trigger ${name}: ${cron} UTC`));
  }
  if (before.strays.length > 0) lines.push(...renderStrays(before.strays));
  lines.push(
    droplet === undefined ? '  agent: left out, because DROPLET_SSH is none' : `  agent: to ${droplet}`,
  );
  return `${lines.join('\n')}\n`;
}

export function renderDeployOutcome(
  outcome: DeployOutcome,
  { deploymentId, previousId }: { readonly deploymentId: string; readonly previousId: string | undefined },
): string {
  switch (outcome.status) {
    case 'deployed':
      return `deployed: ${deploymentId} runs as project.yml says, read back and compared\n`;
    case 'rolled_back':
      return [
        `NOT deployed: ${deploymentId} did not arrive as project.yml says, so ${previousId} runs again, read back and compared`,
        ...renderDifferences(outcome.reasons),
        'Nothing is half-done. Put right what is named, then run `lcp deploy` again.',
        '',
      ].join('\n');
    case 'half_done':
      return [
        `HALF DONE: neither ${deploymentId} nor ${previousId ?? 'a deployment before it'} runs whole`,
        ...outcome.running.map((line) => `  ${line}`),
        'What is not as it should be:',
        ...renderDifferences(outcome.differences),
        ...renderExposures(outcome.differences),
        'Run `lcp deploy` again: it goes on from here and deletes nothing.',
        '',
      ].join('\n');
  }
}

function renderDifferences(differences: readonly Difference[]): string[] {
  return differences.map(({ functionName, text }) => `  ${functionName}: ${text}`);
}

function renderExposures(differences: readonly Difference[]): string[] {
  return differences
    .filter(({ kind }) => kind === 'exposed')
    .map(
      ({ functionName }) =>
        `TAKE IT OFF THE WEB NOW: \`doctl serverless undeploy ${functionName}\` removes the function; the next deployment brings it back.`,
    );
}

function renderStrays(strays: readonly string[]): string[] {
  return [
    '  not in project.yml, left as they are (`doctl serverless undeploy <name>` removes one):',
    ...strays.map((name) => `      ${name}`),
  ];
}
