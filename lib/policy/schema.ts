// The form of policy.yml, the Admin's one file. Strict: an unknown key, an empty value or a wrong number is an
// error, and all of them are reported at once. The key names are LiteLLM's where LiteLLM has one.

import * as z from 'zod';
import { type EntraGroupId, type EntraUserId, isGuid } from '../ids.ts';
import { describeProblems, type Problem, problemsError } from '../problems.ts';

const guid = (what: string) =>
  z
    .string({ error: `Expected ${what}, a GUID in quotes.` })
    .refine(isGuid, { error: `Expected ${what}: a GUID; copy the Object ID from the Entra admin centre.` })
    .transform((value) => value.toLowerCase());

const positive = (unit: string) =>
  z.number({ error: `Expected a number of ${unit}.` }).positive({ error: `Expected more than 0 ${unit}.` });
const wholePositive = (unit: string) =>
  z
    .int({ error: `Expected a whole number of ${unit}.` })
    .positive({ error: `Expected at least 1 of ${unit}.` });
const wholeNumber = (what: string) =>
  z.int({ error: `Expected a whole number: ${what}.` }).min(0, { error: `Expected 0 or more: ${what}.` });
const percent = z
  .number({ error: 'Expected a percentage from 0 to 100.' })
  .min(0, { error: 'Expected a percentage from 0 to 100.' })
  .max(100, { error: 'Expected a percentage from 0 to 100.' });

/** LiteLLM's form of a duration (litellm_core_utils/duration_parser.py, 1.106.2); a plain number is refused. */
const duration = z
  .string({ error: 'Expected a duration such as 30d, in quotes or not.' })
  .regex(/^[1-9][0-9]*(s|m|h|d|w|mo)$/, { error: 'Expected a duration such as 24h, 7d, 30d or 1mo.' });

const limits = z
  .strictObject(
    { max_count: wholeNumber('removals'), max_percent: percent },
    { error: 'Expected max_count and max_percent.' },
  )
  .describe('Both must hold; what exceeds either is quarantined whole.');

const scope = z.strictObject(
  {
    always_allow: wholeNumber('removals').describe(
      'So many removals in 24 h are never held, however small the group.',
    ),
    run: limits.describe('Limits for one run.'),
    day: limits.describe('Limits for any 24 hours, over any number of runs.'),
  },
  { error: 'Expected always_allow, run and day.' },
);

const driftHandling = z.enum(['fix', 'report'], { error: 'Expected fix or report.' }).default('fix');

const group = z.strictObject(
  {
    entra_group: guid('the object id of an Entra group').describe(
      'Object ID of the Entra group; also the LiteLLM team_id.',
    ),
    team: z
      .string({ error: 'Expected the name of the team.' })
      .trim()
      .min(1, { error: 'Expected the name of the team.' })
      .describe('Name of the team in LiteLLM.'),
    role: z
      .enum(['member', 'devops', 'admin'], { error: 'Expected member, devops or admin.' })
      .default('member')
      .describe('What its members may do in LiteLLM: internal_user, proxy_admin_viewer or proxy_admin.'),
    models: z
      .array(z.string({ error: 'Expected a model name.' }).min(1, { error: 'Expected a model name.' }), {
        error: 'Expected a list of model names; LiteLLM reads an empty list as all models, so name them.',
      })
      .min(1, { error: 'Expected at least one model; LiteLLM reads an empty list as all models.' })
      .describe('Models the team may call, by their names in litellm/config.yaml.'),
    max_budget: positive('US dollars')
      .optional()
      .describe('US dollars per budget_duration; no limit when left out.'),
    budget_duration: duration
      .optional()
      .describe('When the budget resets: 24h, 7d (Mondays), 30d (the 1st), 1mo.'),
    tpm_limit: wholePositive('tokens a minute').optional().describe('Tokens a minute for the whole team.'),
    rpm_limit: wholePositive('requests a minute')
      .optional()
      .describe('Requests a minute for the whole team.'),
    member_max_budget: positive('US dollars')
      .optional()
      .describe('US dollars each member may spend in the team per member_budget_duration.'),
    member_budget_duration: duration
      .optional()
      .describe('When the members’ budgets reset; as the team’s when left out.'),
    member_tpm_limit: wholePositive('tokens a minute')
      .optional()
      .describe('Tokens a minute for each member.'),
    member_rpm_limit: wholePositive('requests a minute')
      .optional()
      .describe('Requests a minute for each member.'),
    include_guests: z
      .boolean({ error: 'Expected true or false.' })
      .default(false)
      .describe('Whether guest accounts get access.'),
  },
  { error: 'Expected a group with entra_group, team and models.' },
);

export const policySchema = z
  .strictObject(
    {
      version: z.literal(1, { error: 'Expected version: 1.' }),
      groups: z
        .array(group, { error: 'Expected a list of groups.' })
        .min(1, { error: 'Expected at least one group.' }),
      protected_users: z
        .array(guid('the object id of an Entra user'), {
          error: 'Expected a list of Entra object ids; [] for none.',
        })
        .default([])
        .describe('People (Object IDs) whose access no run ever removes, such as the break-glass account.'),
      guard: z
        .strictObject({ per_group: scope, overall: scope }, { error: 'Expected per_group and overall.' })
        .describe('How many removals may happen without a person deciding.'),
      quarantine: z
        .strictObject(
          {
            raise_again_hours: wholePositive('hours')
              .default(24)
              .describe('Hours after which removals that still wait for a decision are announced again.'),
            rejection_days: wholePositive('days')
              .default(7)
              .describe('Days a rejection stands; then the removals are held and announced anew.'),
          },
          { error: 'Expected raise_again_hours and rejection_days, or neither.' },
        )
        .prefault({})
        .describe('What becomes of removals that are held for a person to decide.'),
      drift: z
        .strictObject(
          {
            team: driftHandling,
            models: driftHandling,
            max_budget: driftHandling,
            budget_duration: driftHandling,
            tpm_limit: driftHandling,
            rpm_limit: driftHandling,
            member_limits: driftHandling,
            role: driftHandling,
          },
          { error: 'Expected fields with fix or report.' },
        )
        .prefault({})
        .describe(
          'What happens to fields that somebody changes in LiteLLM by hand: fix puts them right, report only says so.',
        ),
      rotation: z
        .strictObject(
          {
            grace_hours: wholePositive('hours')
              .default(168)
              .describe('Hours a rotated key works on beside the new one.'),
          },
          { error: 'Expected grace_hours.' },
        )
        .prefault({})
        .describe('What `lcp key rotate` does.'),
      test_keys: z
        .strictObject(
          {
            hours: wholePositive('hours').default(24).describe('Life of a test key.'),
            max_budget: positive('US dollars')
              .default(1)
              .describe('US dollars a test key may spend in its life.'),
          },
          { error: 'Expected hours and max_budget.' },
        )
        .prefault({})
        .describe('Test keys for people of groups with the role devops or admin (`lcp key test`).'),
      data_plane: z
        .strictObject(
          {
            kind: z
              .enum(['droplet', 'droplets', 'kubernetes'], {
                error: 'Expected droplet, droplets or kubernetes.',
              })
              .default('droplet')
              .describe(
                'Where LiteLLM runs: on one droplet, on several behind a load balancer, or in a Kubernetes cluster (docs/scale.md). With more than one LiteLLM `lcp doctor` insists that they share their state.',
              ),
            reporting_hosts: wholeNumber('hosts')
              .optional()
              .describe(
                'How many hosts run our agent and report each minute; 1 for droplet, 2 for droplets and 0 for kubernetes when left out.',
              ),
          },
          { error: 'Expected kind and reporting_hosts, or neither.' },
        )
        .prefault({})
        .describe('What `lcp doctor` may expect of the machines that LiteLLM runs on.'),
      offboarding: z.strictObject(
        {
          grace_days: wholePositive('days').describe(
            'Days a leaver’s blocked key is kept for a rejoin before it is deleted.',
          ),
          team_without_policy: z
            .enum(['archive', 'release'], { error: 'Expected archive or release.' })
            .default('archive')
            .describe(
              'What becomes of a team that policy.yml no longer names. archive: everybody loses it, as leavers do and within the same limits, and it is blocked. release: team, members and keys stay as they are, to be managed by hand.',
            ),
        },
        { error: 'Expected grace_days.' },
      ),
    },
    { error: 'Expected the keys version, groups, guard and offboarding.' },
  )
  .superRefine((policy, context) => {
    for (const [key, what] of [
      ['entra_group', 'Entra group'],
      ['team', 'team name'],
    ] as const) {
      const first = new Map<string, number>();
      policy.groups.forEach((entry, i) => {
        const earlier = first.get(entry[key]);
        if (earlier === undefined) first.set(entry[key], i);
        else
          context.addIssue({
            code: 'custom',
            path: ['groups', i, key],
            input: entry[key],
            message: `The same ${what} is already used by groups[${earlier}]; each may appear once.`,
          });
      });
    }
    policy.groups.forEach((entry, i) => {
      for (const [duration, budget] of [
        ['budget_duration', 'max_budget'],
        ['member_budget_duration', 'member_max_budget'],
      ] as const) {
        if (entry[duration] === undefined || entry[budget] !== undefined) continue;
        context.addIssue({
          code: 'custom',
          path: ['groups', i, duration],
          input: entry[duration],
          message: `A ${duration} needs a ${budget}; add it or remove the duration.`,
        });
      }
    });
  });

type ParsedGroup = z.output<typeof group>;
export type PolicyGroup = Omit<ParsedGroup, 'entra_group'> & { readonly entra_group: EntraGroupId };
export type GuardScope = z.output<typeof scope>;
/** The Admin's policy, checked. Percentages are 0 to 100, budgets US dollars. */
export type Policy = Omit<z.output<typeof policySchema>, 'groups' | 'protected_users'> & {
  readonly groups: readonly PolicyGroup[];
  readonly protected_users: readonly EntraUserId[];
};

const KNOWN_KEYS = [
  ...Object.keys(group.shape),
  ...Object.keys(policySchema.shape),
  ...Object.keys(scope.shape),
  ...Object.keys(limits.shape),
  'member_limits',
  'raise_again_hours',
  'grace_hours',
  'hours',
  'rejection_days',
  'per_group',
  'overall',
  'grace_days',
  'team_without_policy',
  'kind',
  'reporting_hosts',
];

/** All problems of a policy value, or the policy. Pure. */
export function checkPolicy(
  value: unknown,
): { policy: Policy } | { problems: Problem[]; paths: (readonly PropertyKey[])[] } {
  const result = policySchema.safeParse(value, { reportInput: true });
  if (result.success) return { policy: result.data as unknown as Policy };
  return {
    problems: describeProblems(result.error, { knownKeys: KNOWN_KEYS }),
    paths: result.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
    ),
  };
}

/** All problems of one entry of `groups`, or the entry. Pure. */
export function checkPolicyGroup(value: unknown): { group: PolicyGroup } | { problems: Problem[] } {
  const result = group.safeParse(value, { reportInput: true });
  if (result.success) return { group: result.data as unknown as PolicyGroup };
  return { problems: describeProblems(result.error, { knownKeys: KNOWN_KEYS }) };
}

/** The policy in `value` (already parsed from YAML or embedded at build time).
 *  @throws ControlError CONFIG_INVALID with every problem. */
export function parsePolicy(value: unknown): Policy {
  const checked = checkPolicy(value);
  if ('policy' in checked) return checked.policy;
  throw problemsError('policy.yml', checked.problems);
}
