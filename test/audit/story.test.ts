import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderEvent, type StoryNames } from '../../lib/audit/story.ts';
import type { AuditRow } from '../../lib/store/audit-chain.ts';
import { buildChain, type Entry } from '../store/audit-builders.ts';

const TEAM = '00000000-0000-4000-8000-00000000a001';
const PERSON = '00000000-0000-4000-8000-0000000000b1';
const names: StoryNames = {
  people: new Map([[PERSON, 'Ada Adler']]),
  teams: new Map([[TEAM, 'Engineering']]),
};

function row(entry: Entry): AuditRow {
  const [built] = buildChain([{ userId: PERSON, teamId: TEAM, ...entry }]);
  if (!built) throw new Error('a row');
  return built;
}

test('an event we have no words for is printed as it is, with everything it holds', () => {
  const line = renderEvent(
    row({
      event: 'member_adopted',
      cause: 'mapped',
      keyHash: 'e'.repeat(64),
      details: { from: { team: 7 } },
    }),
    'person',
    names,
  );

  expect(line).toBe(
    '2026-11-23 02:00:00  Engineering  member_adopted key eeeeeeee: mapped {"from":{"team":7}}  (control/sync)',
  );
});

test('a detail that the words do not tell is printed behind them', () => {
  const entry = { event: 'member_removed', details: { outcome: 'postponed', days: 2 } };

  expect(renderEvent(row(entry), 'person', names)).toContain(
    'membership ended {"outcome":"postponed","days":2}',
  );
});

test('a line about a team names the person, and one without a known name the object id', () => {
  const event = { event: 'member_added', cause: 'new' };

  expect(renderEvent(row(event), 'team', names)).toContain(`Ada Adler (${PERSON})  became a member: new`);
  expect(renderEvent(row({ ...event, userId: TEAM }), 'team', names)).toContain(`  ${TEAM}  became`);
});

test('any row is one line that moves no cursor and names its event, its cause and its actor', () => {
  const text = fc.string({ unit: 'binary' });
  const event = fc.constantFrom('member_removed', 'key_blocked', 'removals_quarantined', 'user_updated');
  fc.assert(
    fc.property(
      fc.record({ event: fc.oneof(event, text), actor: text, cause: text }),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (entry, details) => {
        const line = renderEvent(row({ ...entry, details }), 'person', names);

        expect(line).not.toMatch(/[\p{Cc}\u2028\u2029\u202e]/u);
        for (const value of Object.keys(details).filter(
          (key) => /^\w+$/.test(key) && !/^(outcome|heldByHand|peopleCount|fields|__proto__)$/.test(key),
        ))
          expect(line).toContain(value);
      },
    ),
  );
});
