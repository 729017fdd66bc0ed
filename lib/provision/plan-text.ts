// A plan as people read it before they say yes. Pure.

import type { MonthlyCost } from './cost.ts';
import { PRICES_AS_OF } from './cost.ts';
import type { Plan, Step } from './plan.ts';
import { describeRules } from './plan-firewall.ts';

/** The same plan gives the same bytes. */
export function renderDropletPlan(plan: Plan): string {
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), ''];
  const lines = [
    ...section(
      'In the way (nothing is made until this is settled)',
      plan.refusals.flatMap(({ why, next }) => [`! ${why}`, `  ${next}`]),
    ),
    ...section(
      'To make',
      plan.steps.map((step) => `+ ${describeStep(step)}`),
    ),
    ...section(
      'There already',
      plan.kept.map((kept) => `= ${kept}`),
    ),
    ...section(
      'Different, and left as it is',
      plan.differences.flatMap(({ what, found, wanted, next }) => [
        `~ ${what}: ${found}; droplet.yml asks for ${wanted}`,
        `  ${next}`,
      ]),
    ),
    ...section(
      'By hand',
      plan.notes.map((note) => `- ${note}`),
    ),
    ...(plan.cost ? renderCost(plan.cost) : []),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** One step in a line, for the plan and while it is carried out. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'create_tag':
      return `tag ${step.tag}`;
    case 'create_firewall':
      return `firewall ${step.firewall.name} for the tag ${step.firewall.tag}; in: ${describeRules(step.firewall.inbound)}; out: everything`;
    case 'create_volume':
      return `volume ${step.name}, ${step.sizeGib} GiB in ${step.region}, encrypted at rest by DigitalOcean`;
    case 'create_droplet':
      return `droplet ${step.name}: ${step.size} with ${step.image} in ${step.region}, tags ${step.tags.join(', ')}`;
    case 'wait_for_droplet':
      return 'wait until the droplet is active';
    case 'attach_volume':
      return 'attach the volume to the droplet';
    case 'reserve_ip':
      return 'reserve an IP address and assign it to the droplet';
    case 'assign_ip':
      return `assign the reserved IP ${step.ip} to the droplet`;
    case 'create_record':
      return `record ${step.host} A to the droplet, in ${step.zone}`;
  }
}

function renderCost({ lines, totalUsd }: MonthlyCost): string[] {
  const width = Math.max(...lines.map(({ what }) => what.length), 'together'.length);
  const row = (what: string, usd: number) => `  ${what.padEnd(width)}  ${usd.toFixed(2).padStart(8)}`;
  return [
    'US dollars a month',
    ...lines.map(({ what, usd }) => row(what, usd)),
    row('together', totalUsd),
    `  The droplet's price is from the API now, the others are public prices of ${PRICES_AS_OF}.`,
    '  Not in it: traffic beyond what the size includes, snapshots, taxes.',
    '',
  ];
}
