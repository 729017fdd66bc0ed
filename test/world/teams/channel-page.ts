// The page of the channel. The cards are data in it; the renderer makes elements of them in the browser.

import { html, raw } from 'hono/html';
import type { PostedCard } from './channel.ts';

const SCRIPT = `for (const place of document.querySelectorAll('article')) {
  const card = new AdaptiveCards.AdaptiveCard();
  card.hostConfig = new AdaptiveCards.HostConfig({ fontFamily: 'Segoe UI, system-ui, sans-serif' });
  card.onExecuteAction = (action) => window.open(action.url, '_blank', 'noopener');
  card.parse(JSON.parse(place.querySelector('script').textContent));
  place.append(card.render());
}`;

const STYLE = `body{max-width:44rem;margin:0 auto;padding:1rem;font:1rem/1.5 'Segoe UI',system-ui,sans-serif;background:#f5f5f5;color:#242424}
article{background:#fff;border:1px solid #ddd;border-radius:.4rem;padding:1rem;margin:1rem 0}
time{color:#616161;font-size:.85rem}`;

export function channelPage(cards: readonly PostedCard[]) {
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>DevOps – Teams channel of the local world</title><link rel="icon" href="data:,"><style>${raw(STYLE)}</style></head>
<body><h1>DevOps</h1><p>The Teams channel of the local world. Cards appear here as the control plane posts them; load the page again for new ones.</p>
${cards.length === 0 ? html`<p>No cards yet.</p>` : ''}
${cards
  .toReversed()
  .map(
    ({ receivedAt, card }) =>
      html`<article><time>${receivedAt.toISOString().slice(0, 19).replace('T', ' ')} UTC</time><script type="application/json">${raw(JSON.stringify(card).replaceAll('<', '\\u003c'))}</script></article>`,
  )}
<script src="/adaptivecards.js"></script><script>${raw(SCRIPT)}</script></body></html>`;
}
