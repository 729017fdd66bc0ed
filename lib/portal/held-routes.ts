// Deciding about held removals by a signed link. GET only shows; POST decides, once, for who is signed in and may.
// What is refused to somebody who is signed in stands in the audit, whatever the reason.

import { html } from 'hono/html';
import { type Decider, decideQuarantine, mayDecide } from '../approvals/decide.ts';
import { type ApprovalLink, readApprovalLink, signApprovalLink } from '../approvals/link.ts';
import type { Clock } from '../clock.ts';
import { isControlError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { recordAudit } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { listNames } from '../store/directory-snapshot.ts';
import { findQuarantines, listWaitingQuarantines, type QuarantineRow } from '../store/quarantines.ts';
import { findPlan } from '../store/runs.ts';
import { checkPost } from './csrf.ts';
import { HELD, type HeldView, renderDecided, renderDone, renderHeld, renderWaiting } from './held-page.ts';
import type { Markup } from './layout.ts';
import { answerPage, forbidden } from './pages.ts';
import type { PortalApp, PortalContext } from './portal-context.ts';
import { requireSession } from './require-session.ts';
import type { Session } from './session.ts';

export type HeldParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly linkKey: Secret;
  readonly rejectionDays: number;
  /** Lets a run carry out an approval now instead of within five minutes. */
  readonly wakeSync: () => Promise<void>;
};

/** Links that the portal itself gives: as long as somebody looks at the page. */
const OWN_LINK_MS = 60 * 60 * 1000;

export function addHeldRoutes(parts: HeldParts): (app: PortalApp) => void {
  return (app) => {
    app.get(HELD, (context) => show(parts, context));
    app.post(HELD, (context) => decide(parts, context));
  };
}

/** What waits, for those who may decide; nothing for others. */
export function heldSection(parts: HeldParts): (session: Session) => Promise<Markup> {
  return async (session) => {
    if (!mayDecide(session.role)) return html``;
    const expiresAt = new Date(parts.clock.now().getTime() + OWN_LINK_MS);
    try {
      const waiting = (await listWaitingQuarantines(parts.database)).map(async (row) => ({
        row,
        link: await signApprovalLink(parts.linkKey, row, expiresAt),
      }));
      return renderWaiting(await Promise.all(waiting));
    } catch (error) {
      if (!isControlError(error)) throw error;
      return html`<h2>Held removals</h2><p>They could not be read just now; load the page again in a minute.</p>`;
    }
  };
}

async function show(parts: HeldParts, context: PortalContext): Promise<Response> {
  const session = await requireSession(context);
  if (session instanceof Response) return session;
  const token = context.req.query('link') ?? '';
  const opened = await open(parts, context, session, token);
  if (opened instanceof Response) return opened;
  const view = await readView(parts.database, opened.row);
  const isOpen = opened.row.status === 'waiting' && opened.row.episode === opened.link.episode;
  const body = isOpen ? renderHeld(view, session, token) : renderDecided(view);
  return answerPage(context, isOpen ? 'Removals wait for you' : 'Nothing to decide', body);
}

async function decide(parts: HeldParts, context: PortalContext): Promise<Response> {
  const session = await requireSession(context);
  if (session instanceof Response) return session;
  const form = await checkPost(context, session).catch(async (error: unknown) => {
    if (isControlError(error, 'FORM_REFUSED')) await refuse(parts, session, 'form');
    throw error;
  });
  const opened = await open(parts, context, session, form.get('link') ?? '');
  if (opened instanceof Response) return opened;
  const decision = DECISIONS[form.get('decision') ?? ''];
  if (decision === undefined) {
    await refuse(parts, session, 'no_decision', opened.link);
    return answerPage(
      context,
      'Nothing was decided',
      html`<p>The form did not say approve or reject.</p>`,
      400,
    );
  }
  const outcome = await decideQuarantine(parts, {
    ...opened.link,
    decision,
    by: deciderOf(session),
    rejectionDays: parts.rejectionDays,
  });
  if (outcome.status === 'decided') {
    if (decision === 'approved') await wake(parts, context);
    const view = await readView(parts.database, opened.row);
    return answerPage(context, decision === 'approved' ? 'Approved' : 'Rejected', renderDone(decision, view));
  }
  const [now] = await findQuarantines(parts.database, opened.link.quarantineId);
  const body = now ? renderDecided(await readView(parts.database, now)) : html``;
  return answerPage(context, 'Nothing was decided', body, 409);
}

const DECISIONS: Readonly<Record<string, 'approved' | 'rejected'>> = {
  approve: 'approved',
  reject: 'rejected',
};

/** What the link is about, or the answer that says why it is worth nothing. */
async function open(
  parts: HeldParts,
  context: PortalContext,
  session: Session,
  token: string,
): Promise<Response | { readonly link: ApprovalLink; readonly row: QuarantineRow }> {
  if (!mayDecide(session.role)) {
    await refuse(parts, session, 'role');
    return forbidden(context, 'Held removals are decided by Admin or DevOps.');
  }
  const read = await readApprovalLink(parts.linkKey, token, parts.clock.now());
  if (read.status === 'invalid') {
    await refuse(parts, session, 'link_invalid');
    const body = html`<p>This link was not made by us, or not all of it arrived. Open it from the card in Teams again.</p>`;
    return answerPage(context, 'Nothing to decide', body, 400);
  }
  const [row] = await findQuarantines(parts.database, read.link.quarantineId);
  if (read.status === 'expired' || row === undefined) {
    await refuse(parts, session, row === undefined ? 'absent' : 'link_expired', read.link);
    const body = html`<p>This link has expired. What still waits is announced again in Teams, and stands on <a href="/dashboard">the first page</a>.</p>`;
    return answerPage(context, 'Nothing to decide', body, 410);
  }
  return { link: read.link, row };
}

async function refuse(
  { database, clock }: HeldParts,
  session: Session,
  reason: string,
  link?: ApprovalLink,
): Promise<void> {
  const { actor, role } = deciderOf(session);
  const details = { reason, role, ...(link && { quarantineId: link.quarantineId }) };
  await database.transaction((transaction) =>
    recordAudit(transaction, [{ actor, event: 'decision_refused', details }], clock.now()),
  );
}

async function readView(database: Database, row: QuarantineRow): Promise<HeldView> {
  const [names, plan] = await Promise.all([
    listNames(
      database,
      row.actions.map((action) => action.userId),
    ),
    findPlan(database, row.planDigest) as Promise<
      { readonly teams?: readonly { readonly teamId: string; readonly alias: string }[] } | undefined
    >,
  ]);
  return { row, names, teams: new Map(plan?.teams?.map((team) => [team.teamId, team.alias])) };
}

async function wake({ wakeSync }: HeldParts, { env }: PortalContext): Promise<void> {
  await wakeSync().catch((error: unknown) => {
    env.log.warn('sync_not_woken', { code: isControlError(error) ? error.code : 'UNEXPECTED' });
  });
}

function deciderOf({ oid, role }: Session): Decider {
  return { actor: `entra:${oid}`, role };
}
