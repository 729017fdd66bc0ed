// The console's one page: three columns, the faults below, and the last thing that happened on top. Plain HTML that
// works without script; what changes lies in elements marked data-live, which the script replaces one by one.

import { html } from 'hono/html';
import { renderFaults } from './faults-section.ts';
import { type LastCall, renderKeys } from './keys-section.ts';
import { renderPeople } from './people-section.ts';
import type { ConsoleView } from './read-view.ts';
import { renderRuns } from './runs-section.ts';

export type Markup = ReturnType<typeof html>;

/** Where the page is (which run and person are open), kept by every link and form on it. */
export type Links = {
  readonly personId: string | undefined;
  /** The page with these choices in place of the present ones. */
  to(choices: { readonly run?: string | undefined; readonly person?: string | undefined }): string;
  /** The address of a form that comes back to the present page, at `anchor`. */
  action(path: string, anchor?: string): string;
};

export type Message = { readonly tone: 'good' | 'bad'; readonly text: string };

export type PageOptions = {
  readonly view: ConsoleView;
  readonly links: Links;
  readonly message: Message | undefined;
  readonly call: LastCall | undefined;
  readonly models: readonly string[];
  /** Empty for the first model of the team. */
  readonly chosenModel: string;
  readonly about: { readonly litellm: string; readonly isFake: boolean };
};

export function renderPage({ view, links, message, call, models, chosenModel, about }: PageOptions): Markup {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Local world – litellm-control-plane</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/console.css"><script src="/console.js" defer></script></head>
<body>
<header class="top"><h1>Local world</h1>
  <p class="quiet">${about.isFake ? html`The fake LiteLLM at ${about.litellm}` : html`The real LiteLLM at <a href="${about.litellm}/ui">${about.litellm}/ui</a>`}</p>
  ${renderDroplet(view)}
  <div id="message" data-live role="status">${message === undefined ? '' : html`<span class="message ${message.tone}">${message.text}</span>`}</div></header>
<main>${renderPeople(view, links)}${renderRuns(view, links)}${renderKeys(view, links, { call, models, chosenModel })}${renderFaults(view, links)}</main>
</body></html>`;
}

/** One line: what is wrong, or that all is well. Its agent tells it each minute. */
function renderDroplet({ droplet }: ConsoleView): Markup {
  const text =
    droplet.kind === 'unread'
      ? `not known: ${droplet.reason}`
      : (droplet.value.lines.find((line) => line.trim().startsWith('!')) ??
        droplet.value.lines.find((line) => line.includes('containers:')) ??
        droplet.value.lines.join(' '));
  return html`<p id="droplet" data-live class="quiet" title="${droplet.kind === 'read' ? droplet.value.lines.join('\n') : ''}">Droplet: ${text.replace('!', '').trim()}</p>`;
}

export function hiddenField(name: string, value: string): Markup {
  return html`<input type="hidden" name="${name}" value="${value}">`;
}
