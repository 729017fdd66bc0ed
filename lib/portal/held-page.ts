// The page on which a person decides about held removals: who would lose what and why, and two buttons that say what
// they do. Pure markup.

import { html } from 'hono/html';
import { describeReasons } from '../approvals/quarantine-text.ts';
import type { QuarantineRow } from '../store/quarantines.ts';
import { csrfField } from './csrf.ts';
import type { Markup } from './layout.ts';
import type { Session } from './session.ts';

export const HELD = '/dashboard/held';

export type HeldView = {
  readonly row: QuarantineRow;
  readonly names: ReadonlyMap<string, string>;
  readonly teams: ReadonlyMap<string, string>;
};

/** `link` is the signed part, which comes back with the decision. */
export function renderHeld(view: HeldView, session: Session, link: string): Markup {
  const { row } = view;
  const where = whereOf(view);
  return html`<p>More people than the policy lets go at once would lose access to <strong>${where}</strong>. Nobody has lost anything yet.</p>
<p><strong>If the group was changed by mistake</strong>, repair it in Entra or reject. <strong>If these people really left</strong>, approve.</p>
${renderFacts(view)}
${renderPeople(view)}
<form method="post" action="${HELD}">
${csrfField(session)}<input type="hidden" name="link" value="${link}">
<p><button class="danger" name="decision" value="approve">Approve: ${countPeople(row)} lose ${where}, keys blocked</button></p>
<p><button name="decision" value="reject">Reject: everybody keeps their access</button></p>
</form>
<p class="quiet">Your decision counts once, for exactly these removals, and is kept in the audit with your Object ID. If other people leave before it is carried out, it is void and the question comes again.</p>`;
}

/** What became of it, when it does not wait any more. */
export function renderDecided({ row }: HeldView): Markup {
  const who =
    row.decidedBy && row.decidedAt ? html` by <code>${row.decidedBy}</code> at ${timeOf(row.decidedAt)}` : '';
  switch (row.status) {
    case 'rejected':
      return html`<p>Already <strong>rejected</strong>${who}. Nobody lost access.</p>`;
    case 'approved':
    case 'applying':
      return html`<p>Already <strong>approved</strong>${who}; the next run carries it out.</p>`;
    case 'applied':
      return html`<p>Already <strong>approved</strong>${who}, and carried out.</p>`;
    case 'lapsed':
      return html`<p>This question is out of date: other removals are planned by now than were held then. If any of them are held, Teams has a newer card.</p>`;
    case 'waiting':
      return html`<p>This link is older than the question: the same removals were held anew since. Teams has a newer card.</p>`;
  }
}

export function renderDone(decision: 'approved' | 'rejected', { row }: HeldView): Markup {
  return decision === 'approved'
    ? html`<p><strong>Approved.</strong> The next run takes the access of exactly these ${countPeople(row)}, within a few minutes.</p>`
    : html`<p><strong>Rejected.</strong> Everybody keeps their access. Repair the group in Entra: the rejection does not stand for ever.</p>`;
}

/** For the first page: what waits, each with a link of its own. */
export function renderWaiting(
  waiting: readonly { readonly row: QuarantineRow; readonly link: string }[],
): Markup {
  if (waiting.length === 0) return html`<h2>Held removals</h2><p>Nothing waits for a decision.</p>`;
  return html`<h2>Held removals</h2><ul>${waiting.map(
    ({ row, link }) =>
      html`<li><a href="${HELD}?link=${link}">${countPeople(row)} held</a> since ${timeOf(row.waitingSince)}</li>`,
  )}</ul>`;
}

function renderFacts({ row }: HeldView): Markup {
  return html`<table><tbody>
<tr><th scope="row">Why held</th><td>${describeReasons(row.reasons)}</td></tr>
<tr><th scope="row">Waiting since</th><td>${timeOf(row.waitingSince)}</td></tr>
<tr><th scope="row">Plan</th><td><code>${row.planDigest.slice(0, 16)}</code>, held as <code>${row.quarantineId.slice(0, 16)}</code></td></tr>
</tbody></table>`;
}

function renderPeople({ row, names, teams }: HeldView): Markup {
  const removals = [...Map.groupBy(row.actions, (action) => `${action.teamId}/${action.userId}`).values()]
    .flatMap(([first]) => first ?? [])
    .map((action) => ({ ...action, name: names.get(action.userId) ?? '' }))
    .sort((a, b) => a.name.localeCompare(b.name) || (a.userId < b.userId ? -1 : 1));
  return html`<h2>Who</h2><table><thead><tr><th scope="col">Person</th><th scope="col">Object ID in Entra</th><th scope="col">Team</th><th scope="col">Cause</th></tr></thead>
<tbody>${removals.map(
    ({ name, userId, teamId, cause }) =>
      html`<tr><td>${name || html`<span class="quiet">name unknown</span>`}</td><td><code>${userId}</code></td><td>${teams.get(teamId) ?? teamId}</td><td>${cause.replace(` ${teamId}`, '')}</td></tr>`,
  )}</tbody></table>`;
}

function whereOf({ row, teams }: HeldView): string {
  return row.scope === 'overall' ? 'several teams' : `the team ${teams.get(row.scope) ?? row.scope}`;
}

function countPeople({ peopleCount }: QuarantineRow): string {
  return peopleCount === 1 ? '1 person' : `${peopleCount} people`;
}

function timeOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
