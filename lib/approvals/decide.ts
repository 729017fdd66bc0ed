// A person's decision about held removals: what it binds, who may make it, and its proof.

import type { Clock } from '../clock.ts';
import type { PolicyGroup } from '../policy/schema.ts';
import { recordAudit } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { type DecisionOutcome, insertDecision } from '../store/decisions.ts';

/** An approval that no run could carry out by then is void, and the removals are announced anew. */
const APPROVAL_HOURS = 24;

export type Decider = {
  /** `entra:<object id>`, `cli:<login>`. */
  readonly actor: string;
  readonly role: PolicyGroup['role'];
};

export type DecisionRequest = {
  readonly quarantineId: string;
  readonly episode: string;
  readonly decision: 'approved' | 'rejected';
  readonly by: Decider;
  readonly rejectionDays: number;
};

/** Whether somebody of this role decides about other people's access. */
export function mayDecide(role: PolicyGroup['role']): boolean {
  return role === 'admin' || role === 'devops';
}

/** Decides, once, about exactly what the person was shown, and records who. A refusal changes nothing but the audit,
 *  where it stands with its reason. */
export async function decideQuarantine(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  { quarantineId, episode, decision, by, rejectionDays }: DecisionRequest,
): Promise<DecisionOutcome | { readonly status: 'forbidden' }> {
  return database.transaction(async (transaction) => {
    const validHours = decision === 'approved' ? APPROVAL_HOURS : rejectionDays * 24;
    const outcome = mayDecide(by.role)
      ? await insertDecision(transaction, { quarantineId, episode, decision, actor: by.actor, validHours })
      : ({ status: 'forbidden' } as const);
    const shared = { quarantineId, role: by.role };
    const details =
      outcome.status === 'decided'
        ? { ...shared, planDigest: outcome.planDigest, peopleCount: outcome.peopleCount }
        : { ...shared, decision, reason: outcome.status === 'forbidden' ? 'role' : outcome.found };
    const event = outcome.status === 'decided' ? `removals_${decision}` : 'decision_refused';
    await recordAudit(transaction, [{ actor: by.actor, event, details }], clock.now());
    return outcome;
  });
}
