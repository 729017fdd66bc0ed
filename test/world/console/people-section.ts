// The left column: Microsoft 365. People by groups, each membership a button, and one person's panel for the rest.

import { html } from 'hono/html';
import type { TenantUser } from '../tenant/state.ts';
import { hiddenField, type Links, type Markup } from './page.ts';
import type { ConsoleView, GroupView } from './read-view.ts';

export function renderPeople(view: ConsoleView, links: Links): Markup {
  return html`<section id="people" data-live aria-labelledby="people-title">
    <header class="intro"><h2 id="people-title">Microsoft 365</h2>
      <p class="quiet">The company’s directory. A click changes it there; Microsoft notifies us, and LiteLLM follows in a moment.</p></header>
    <div class="wide"><table>
      <caption class="unseen">People and the groups they are in</caption>
      <thead><tr class="heads"><th scope="col">Person</th>${view.groups.map(
        (group) =>
          html`<th scope="col" class="middle">${shortName(group.name)}<small>${group.peopleCount}</small></th>`,
      )}</tr></thead>
      <tbody>${view.people.map((person) => renderPerson(person, view, links))}</tbody>
    </table></div>
    ${view.unmapped.length === 0 ? '' : html`<p class="quiet">Not in policy.yml, so never read or touched: ${view.unmapped.join(', ')}.</p>`}
  </section>`;
}

function renderPerson(person: TenantUser, view: ConsoleView, links: Links): Markup {
  const isOpen = links.personId === person.id;
  const href = links.to({ person: isOpen ? undefined : person.id });
  return html`<tr id="row-${person.id}" class="row ${person.accountEnabled ? '' : 'off'}">
      <th scope="row"><a id="open-${person.id}" href="${href}" aria-expanded="${isOpen}">${person.displayName}</a>${renderTags(person, view)}</th>
      ${view.groups.map((group) => html`<td>${renderMembership(person, group, view, links)}</td>`)}
    </tr>${isOpen ? html`<tr class="panel"><td colspan="${view.groups.length + 1}">${renderPanel(person, links)}</td></tr>` : ''}`;
}

function renderTags(person: TenantUser, view: ConsoleView): Markup {
  const tags = [
    person.accountEnabled ? '' : 'disabled',
    person.userType === 'Guest' ? 'guest' : '',
    view.protectedIds.has(person.id) ? 'protected' : '',
  ].filter((tag) => tag !== '');
  return html`${tags.map((tag) => html` <span class="tag">${tag}</span>`)}`;
}

function renderMembership(person: TenantUser, group: GroupView, view: ConsoleView, links: Links): Markup {
  const isDirect = group.directIds.has(person.id);
  if (!isDirect && group.allIds.has(person.id)) {
    const via = view.groups.find((other) => other.directIds.has(person.id) && group.directIds.has(other.id));
    return html`<span class="nested" title="Member through ${via?.name ?? 'a nested group'}">nested</span>`;
  }
  const label = isDirect
    ? `${person.displayName} leaves ${group.name}`
    : `${person.displayName} joins ${group.name}`;
  return html`<form method="post" action="${links.action('/membership', `row-${person.id}`)}">
      ${hiddenField('groupId', group.id)}${hiddenField('memberId', person.id)}${hiddenField('change', isDirect ? 'leave' : 'join')}
      <button id="m-${group.id}-${person.id}" class="toggle ${isDirect ? 'in' : ''}" aria-label="${label}" title="${label}"><span aria-hidden="true">${isDirect ? '✓' : '+'}</span></button>
    </form>`;
}

function renderPanel(person: TenantUser, links: Links): Markup {
  const { id, displayName, accountEnabled } = person;
  return html`<p class="quiet">${person.mail ?? person.userPrincipalName}</p>
    <div class="line">
      <form method="post" action="${links.action('/rename', `row-${id}`)}" class="line">
        ${hiddenField('userId', id)}
        <label>New name <input class="brief" id="name-${id}" name="displayName" value="${displayName}" required maxlength="80" autocomplete="off"></label>
        <button id="rename-${id}">Rename</button>
      </form>
      <form method="post" action="${links.action('/account', `row-${id}`)}">
        ${hiddenField('userId', id)}${hiddenField('enabled', String(!accountEnabled))}
        <button id="account-${id}">${accountEnabled ? 'Disable account' : 'Enable account'}</button>
      </form>
    </div>`;
}

/** All our groups begin alike, and columns are narrow. */
function shortName(name: string): string {
  return name.replace(/^AI Engineering (?=.)/, '').replace(/^AI /, '');
}
