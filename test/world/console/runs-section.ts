// The middle column: what the control plane did. Held removals first, because a person must decide; then the runs,
// the chosen one with its plan.

import { html } from 'hono/html';
import type { Action } from '../../../lib/sync/actions.ts';
import type { Plan } from '../../../lib/sync/plan.ts';
import type { Links, Markup } from './page.ts';
import type { ConsoleView, RunView } from './read-view.ts';
import {
  describeAction,
  describeDuration,
  describeLimit,
  describeRun,
  describeTime,
  nameIds,
} from './run-text.ts';

/** A first run of a large company plans thousands; the page stays readable. */
const SHOWN_ACTIONS = 60;

type Runs = Extract<ConsoleView['runs'], { kind: 'read' }>['value'];
type NameOf = (id: string) => string;

export function renderRuns(view: ConsoleView, links: Links): Markup {
  const nameOf = createNames(view);
  const content =
    view.runs.kind === 'unread'
      ? html`<p class="trouble">The control database could not be read: ${view.runs.reason}</p>`
      : html`${renderHeld(view.runs.value, nameOf)}${renderList(view.runs.value, links)}${renderSelected(view.runs.value, nameOf)}`;
  return html`<section id="runs" data-live aria-labelledby="runs-title">
    <header class="intro"><h2 id="runs-title">Control plane</h2>
      <p class="quiet">Each run reads Entra and LiteLLM, plans, lets the guard judge, and applies what is allowed.</p></header>
    <form method="post" action="${links.action('/sync')}" class="line">
      <button id="sync" class="main" data-busy="Syncing…">Sync now</button>
      <span class="quiet">${view.isRunning ? 'A run is at work.' : 'It also runs when Microsoft notifies us, and every five minutes.'}</span>
    </form>
    ${content}
  </section>`;
}

function renderHeld({ held }: Runs, nameOf: NameOf): Markup {
  if (held.length === 0) return html``;
  return html`<div class="held" role="group" aria-labelledby="held-title"><h3 id="held-title">Held for a decision</h3>
    ${held.map(({ scope, reasons, actions, waitingSince }) => {
      const people = [...new Set(actions.map((action) => String(action.userId ?? '')))];
      return html`<p><strong>${people.length} ${people.length === 1 ? 'removal' : 'removals'} ${scope === 'overall' ? 'over all teams' : `from ${nameOf(scope)}`}</strong>
        since ${describeTime(waitingSince)}: ${reasons.map(describeLimit).join('; ')}.</p>
        <p class="quiet">${people.map(nameOf).join(', ')}</p>`;
    })}
    <p class="quiet">Nobody lost access. It is dropped when Entra says otherwise: let them join again and sync.</p></div>`;
}

function renderList({ runs, selected }: Runs, links: Links): Markup {
  if (runs.length === 0) {
    return html`<p class="empty">No run yet. “Sync now” makes a team for each mapped group, and a user and a key for each person in it.</p>`;
  }
  return html`<table><caption class="unseen">Runs, newest first</caption>
    <thead><tr class="heads"><th scope="col">Run</th><th scope="col">Trigger</th><th scope="col">Status</th><th scope="col" class="took">Took</th></tr></thead>
    <tbody>${runs.map((run) => {
      const isSelected = run.runId === selected?.runId;
      return html`<tr class="run ${isSelected ? 'selected' : ''}"><th scope="row"><a id="run-${run.runId}" href="${links.to({ run: run.runId })}" aria-current="${isSelected}">${describeTime(run.startedAt)}</a></th>
        <td>${run.trigger}</td><td><span class="badge ${run.status}">${run.status}</span></td><td class="took">${describeDuration(run)}</td></tr>
        <tr class="note ${isSelected ? 'selected' : ''}"><td colspan="4">${describeRun(run)}</td></tr>`;
    })}</tbody></table>`;
}

function renderSelected({ selected, plan, held }: Runs, nameOf: NameOf): Markup {
  if (selected === undefined) return html``;
  const actions = plan?.actions ?? [];
  return html`<div role="group" aria-labelledby="plan-title"><h3 id="plan-title">Plan of ${describeTime(selected.startedAt)}</h3>
    ${renderReasons(selected, plan, nameOf)}
    ${actions.length === 0 ? html`<p class="empty">${selected.report === undefined ? 'There is no plan.' : 'The plan was empty.'}</p>` : html`<ul class="plan" tabindex="0" aria-labelledby="plan-title">${renderActions(actions, heldIn(selected, held), nameOf)}</ul>`}
    ${plan === undefined ? '' : html`<p class="quiet">Digest ${plan.digest.slice(0, 16)}…: equal plans have equal digests.</p>`}</div>`;
}

function renderReasons({ errorCode, errorMessage }: RunView, plan: Plan | undefined, nameOf: NameOf): Markup {
  const notices = (plan?.notices ?? []).map(({ detail, teamId, userId }) => {
    const about = [userId, teamId].filter((id) => id !== undefined).map(nameOf);
    return `${about.join(', ')}: ${nameIds(detail, nameOf)}`;
  });
  return html`${errorCode === null ? '' : html`<p class="trouble">${errorCode}: ${errorMessage}</p>`}
    ${notices.length === 0 ? '' : html`<ul class="notices">${notices.map((notice) => html`<li>${notice}</li>`)}</ul>`}`;
}

function renderActions(actions: readonly Action[], held: ReadonlySet<string>, nameOf: NameOf): Markup {
  const rest = actions.length - SHOWN_ACTIONS;
  return html`${actions
    .slice(0, SHOWN_ACTIONS)
    .map(
      (action) =>
        html`<li>${describeAction(action, nameOf)}${held.has(removalKey(action)) ? html` <span class="badge partial">held</span>` : ''}</li>`,
    )}
    ${rest > 0 ? html`<li>and ${rest} more</li>` : ''}`;
}

/** The removals of this run that still wait. */
function heldIn({ report }: RunView, held: Runs['held']): ReadonlySet<string> {
  const ids = new Set(report?.quarantined.map((quarantine) => quarantine.quarantineId));
  return new Set(
    held
      .filter(({ quarantineId }) => ids.has(quarantineId))
      .flatMap(({ actions }) => actions.map(removalKey)),
  );
}

function removalKey(action: {
  readonly kind?: unknown;
  readonly teamId?: unknown;
  readonly userId?: unknown;
}): string {
  return `${action.kind}/${action.teamId}/${action.userId}`;
}

function createNames(view: ConsoleView): NameOf {
  const names = new Map([
    ...view.people.map((person) => [person.id, person.displayName] as const),
    ...view.teams.map((team) => [team.id, team.name] as const),
  ]);
  return (id) => names.get(id) ?? id;
}
