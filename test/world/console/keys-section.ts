// The right column: LiteLLM. How each person's key stands in each team, and what a model answers to it.

import { html } from 'hono/html';
import { hiddenField, type Links, type Markup } from './page.ts';
import { type ConsoleView, cellKey, type KeyCell } from './read-view.ts';
import { describeTime } from './run-text.ts';

export type LastCall = {
  readonly person: string;
  readonly team: string;
  readonly key: string;
  readonly model: string;
  readonly at: Date;
  readonly result:
    | { readonly kind: 'answered'; readonly status: number; readonly text: string }
    | { readonly kind: 'no-key' }
    | { readonly kind: 'failed'; readonly reason: string };
};

type Keys = ReadonlyMap<string, KeyCell>;

export type CallForm = {
  readonly call: LastCall | undefined;
  readonly models: readonly string[];
  /** Empty for the first model of the team. */
  readonly chosenModel: string;
};

export function renderKeys(view: ConsoleView, links: Links, { call, models, chosenModel }: CallForm): Markup {
  return html`<section id="keys" data-live aria-labelledby="keys-title">
    <header class="intro"><h2 id="keys-title">LiteLLM</h2>
      <p class="quiet">What LiteLLM itself says about every key we made.</p></header>
    <form method="post" action="${links.action('/call')}" id="call" class="line">
      <label>Model <select name="model" id="model"><option value="">the team’s first</option>${models.map(
        (model) => html`<option ${model === chosenModel ? 'selected' : ''}>${model}</option>`,
      )}</select></label>
      <span class="quiet">“Call” asks it with that person’s key.</span>
    </form>
    ${renderCall(call, links)}
    ${view.keys.kind === 'unread' ? html`<p class="trouble">The keys could not be read: ${view.keys.reason}</p>` : renderTable(view, view.keys.value)}
    <p class="quiet">To call, the console reveals a key once, as its owner would, and keeps it in its own memory only: never on this page, in a file or a log.</p>
  </section>`;
}

function renderTable(view: ConsoleView, keys: Keys): Markup {
  if (keys.size === 0) return html`<p class="empty">No keys yet. They are made by the first run.</p>`;
  const owners = view.people.filter((person) =>
    view.teams.some((team) => keys.has(cellKey(person.id, team.id))),
  );
  return html`<div class="wide"><table><caption class="unseen">State of the key of each person in each team</caption>
    <thead><tr class="heads"><th scope="col">Person</th>${view.teams.map((team) => html`<th scope="col" class="middle">${team.name}</th>`)}</tr></thead>
    <tbody>${owners.map(
      (person) =>
        html`<tr class="row"><th scope="row">${person.displayName}</th>${view.teams.map(
          (team) => html`<td>${renderCell(person, team, keys.get(cellKey(person.id, team.id)))}</td>`,
        )}</tr>`,
    )}</tbody></table></div>`;
}

type Named = { readonly id: string };

function renderCell(
  person: Named & { readonly displayName: string },
  team: Named & { readonly name: string },
  cell: KeyCell | undefined,
): Markup {
  if (cell === undefined)
    return html`<span class="quiet"><span aria-hidden="true">–</span><span class="unseen">none</span></span>`;
  const { state } = cell;
  const label = `Call a model with ${person.displayName}’s ${team.name} key`;
  const button =
    state === 'live' || state === 'blocked'
      ? html`<button form="call" name="key" value="${cellKey(person.id, team.id)}" id="call-${team.id}-${person.id}" class="small" aria-label="${label}" title="${label}">Call</button>`
      : '';
  return html`<span class="key"><span class="badge ${state}">${state}</span>${button}</span>`;
}

function renderCall(call: LastCall | undefined, links: Links): Markup {
  if (call === undefined) return html``;
  const { person, team, model, at, result } = call;
  const what = html`<span class="quiet">${describeTime(at)}, ${person}, ${team}, ${model}</span>`;
  switch (result.kind) {
    case 'answered':
      return html`<div class="answer ${result.status < 300 ? 'good' : 'bad'}" role="group" aria-label="Answer of LiteLLM"><p><strong>${result.status}</strong> ${what}</p><p>${result.text}</p></div>`;
    case 'failed':
      return html`<div class="answer bad" role="group" aria-label="Answer of LiteLLM"><p>${what}</p><p>There was no answer: ${result.reason}</p></div>`;
    case 'no-key':
      return html`<div class="answer" role="group" aria-label="Answer of LiteLLM"><p>${what}</p>
        <p>This console does not hold the key. A key is shown once and only while it is live: it was shown before this start, or blocked before anybody asked for it.</p>
        <form method="post" action="${links.action('/replace-key')}">${hiddenField('key', call.key)}<button id="replace-key">Delete it in LiteLLM</button> <span class="quiet">The next run makes a new one for whoever is in the team.</span></form></div>`;
  }
}
