// The card for held removals: what it says, whatever a team is called, and how small it stays.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderHeldCard } from '../../lib/alerts/held-card.ts';
import type { HeldFacts } from '../../lib/store/alerts.ts';
import { expectGolden } from '../golden.ts';

const FACTS: HeldFacts = {
  quarantineId: 'a'.repeat(64),
  episode: '00000000-0000-4000-8000-000000000001',
  team: 'Engineering',
  peopleCount: 200,
  reasons: [
    { limit: 'run.max_count', value: 200, bound: 10 },
    { limit: 'day.max_percent', value: 99.5, bound: 60 },
  ],
  causes: [{ cause: 'left group', count: 200 }],
  waitingSince: '2026-11-25T02:00:00.000Z',
  isReminder: false,
};
const URL = 'https://llm.example.com/dashboard/held?link=signed';

test('a card says what is held, why, since when, and leads to the decision', () => {
  expectGolden('held-card.json', `${JSON.stringify(renderHeldCard(FACTS, URL), null, 2)}\n`);
});

test('a reminder says that it is one, all teams together have no name, and without a page it names the command', () => {
  const text = JSON.stringify(renderHeldCard({ ...FACTS, team: null, isReminder: true }, undefined));

  expect(text).toContain('Still waiting for you: 200 removals held');
  expect(text).toContain('all teams together');
  expect(text).toContain('lcp quarantine show aaaaaaaaaaaa');
  expect(text).not.toContain('"actions"');
});

test('whatever a team or a cause is called, it is no markup and no link, and the card stays small', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 600 }),
    fc.constantFrom(
      '[click](https://evil.example)',
      '<img src=x>',
      '**bold**',
      '\u202egnp.exe',
      'x'.repeat(500),
    ),
  );
  fc.assert(
    fc.property(hostile, hostile, (team, cause) => {
      const card = renderHeldCard({ ...FACTS, team, causes: [{ cause, count: 1 }] }, URL);
      const text = JSON.stringify(card.body);

      expect(text).not.toMatch(/\]\(|<img|\*\*|\u202e/);
      expect(Buffer.byteLength(JSON.stringify(card))).toBeLessThan(20_000);
    }),
  );
});
