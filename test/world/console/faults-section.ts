// Below the columns: make Microsoft Graph fail, and see that nobody loses anything by it.

import { html } from 'hono/html';
import { FAULT_MENU, FAULT_NAMES } from './fault-menu.ts';
import type { Links, Markup } from './page.ts';
import type { ConsoleView } from './read-view.ts';

export function renderFaults(view: ConsoleView, links: Links): Markup {
  return html`<section id="faults" data-live aria-labelledby="faults-title">
    <header class="intro"><h2 id="faults-title">Make Microsoft Graph fail</h2>
      <p class="quiet">A group that cannot be read whole loses nobody. Choose what goes wrong, then let somebody leave.</p></header>
    <form method="post" action="${links.action('/faults')}" class="line">
      <label>Group <select name="groupId" id="fault-group"><option value="">all groups</option>${view.teams.map(
        (team) => html`<option value="${team.id}">${team.name}</option>`,
      )}</select></label>
      ${FAULT_NAMES.map((name) => html`<button name="fault" value="${name}" id="fault-${name}">${FAULT_MENU[name].text}</button>`)}
    </form>
    <form method="post" action="${links.action('/faults/lose')}" class="line"><button id="fault-lose">Lose every notification</button>
      <span class="quiet">The schedule finds the changes then.</span></form>
    ${
      view.faults.length === 0
        ? html`<p class="quiet">Graph works as it should.</p>`
        : html`<div class="line"><ul class="faults">${view.faults.map((fault) => html`<li>${fault.text}</li>`)}</ul>
        <form method="post" action="${links.action('/faults/clear')}"><button id="faults-clear" class="main">Let Graph work again</button></form></div>`
    }
  </section>`;
}
