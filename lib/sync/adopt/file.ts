// The form of adoption.yml: what is to be taken over, pair by pair, with what LiteLLM had when it was proposed. An
// Admin may remove entries, and may write pairs that no name tells; everything is checked again before it is applied.

import * as z from 'zod';
import { type EntraGroupId, type EntraUserId, isGuid, type KeyHash } from '../../ids.ts';
import { describeProblems } from '../../problems.ts';
import { parseYamlText } from '../../yaml-text.ts';

const guid = (what: string) =>
  z
    .string({ error: `Expected ${what}, a GUID in quotes.` })
    .refine(isGuid, { error: `Expected ${what}: a GUID in quotes.` })
    .transform((value) => value.toLowerCase());
const text = (what: string) =>
  z.string({ error: `Expected ${what}.` }).min(1, { error: `Expected ${what}.` });
const number = z.number({ error: 'Expected a number, or null for none.' }).nullable();
const maybeText = z.string({ error: 'Expected a text, or null for none.' }).nullable();

const team = z.strictObject(
  {
    entra_group: guid('the Object ID of an Entra group').transform((id) => id as EntraGroupId),
    team_id: text('the id of a LiteLLM team'),
    alias: maybeText,
    models: z.array(text('a model name'), { error: 'Expected a list of model names.' }),
    max_budget: number,
    budget_duration: maybeText,
    tpm_limit: number,
    rpm_limit: number,
    member_max_budget: number,
    member_budget_duration: maybeText,
    member_tpm_limit: number,
    member_rpm_limit: number,
  },
  { error: 'Expected entra_group, team_id and the settings as they are in LiteLLM.' },
);
const user = z.strictObject(
  {
    entra_user: guid('the Object ID of an Entra user').transform((id) => id as EntraUserId),
    user_id: text('the id of a LiteLLM user'),
    email: maybeText,
  },
  { error: 'Expected entra_user, user_id and email.' },
);
const key = z.strictObject(
  {
    key_hash: z
      .string({ error: 'Expected the hash of a key.' })
      .regex(/^[0-9a-f]{64}$/, { error: 'Expected the hash of a key: 64 lower-case hexadecimal digits.' })
      .transform((hash) => hash as KeyHash),
    user: guid('the Object ID of its owner').transform((id) => id as EntraUserId),
    team: guid('the Object ID of its team’s group').transform((id) => id as EntraGroupId),
  },
  { error: 'Expected key_hash, user and team.' },
);
const leftAlone = z.strictObject({ what: z.string(), why: z.string() });

const listOf = <T extends z.ZodType>(item: T) => z.array(item, { error: 'Expected a list; [] for none.' });

const adoptionSchema = z
  .strictObject(
    {
      version: z.literal(1, { error: 'Expected version: 1.' }),
      teams: listOf(team),
      users: listOf(user),
      keys: listOf(key),
      /** For the reader; not applied. */
      left_alone: listOf(leftAlone).default([]),
      /** For policy.yml; not applied. */
      policy: z.strictObject({ groups: z.array(z.unknown()) }).optional(),
    },
    { error: 'Expected the keys version, teams, users and keys.' },
  )
  .superRefine((file, context) => {
    const once = <T>(
      list: 'teams' | 'users' | 'keys',
      items: readonly T[],
      field: string,
      of: (item: T) => string,
    ) => {
      const first = new Map<string, number>();
      for (const [i, item] of items.entries()) {
        const earlier = first.get(of(item));
        const message = `The same as in ${list}[${earlier}]; each may appear once.`;
        if (earlier === undefined) first.set(of(item), i);
        else context.addIssue({ code: 'custom', path: [list, i, field], input: of(item), message });
      }
    };
    once('teams', file.teams, 'entra_group', (item) => item.entra_group);
    once('teams', file.teams, 'team_id', (item) => item.team_id);
    once('users', file.users, 'entra_user', (item) => item.entra_user);
    once('users', file.users, 'user_id', (item) => item.user_id);
    once('keys', file.keys, 'key_hash', (item) => item.key_hash);
    once('keys', file.keys, 'user', (item) => `${item.user}/${item.team}`);
  });

export type AdoptionTeam = z.output<typeof team>;
export type AdoptionUser = z.output<typeof user>;
export type AdoptionKey = z.output<typeof key>;
export type AdoptionFile = Omit<z.output<typeof adoptionSchema>, 'left_alone' | 'policy'>;
export type LeftAlone = z.output<typeof leftAlone>;

const KNOWN_KEYS = [adoptionSchema, team, user, key, leftAlone].flatMap((schema) =>
  Object.keys(schema.shape),
);

/** @throws ControlError CONFIG_INVALID with every problem, each with its line */
export function parseAdoptionText(fileName: string, content: string): AdoptionFile {
  const { value, toError } = parseYamlText(fileName, content);
  const result = adoptionSchema.safeParse(value, { reportInput: true });
  if (result.success) {
    const { version, teams, users, keys } = result.data;
    return { version, teams, users, keys };
  }
  throw toError(
    describeProblems(result.error, { knownKeys: KNOWN_KEYS }),
    result.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((name) => [...issue.path, name]) : [issue.path],
    ),
  );
}
