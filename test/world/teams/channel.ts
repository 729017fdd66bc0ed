// A Teams channel with a Workflows flow on it: takes cards as the flow does, by the address it was saved with, and shows
// them on a page as Teams would, with Microsoft's own renderer.
// https://learn.microsoft.com/connectors/teams/#microsoft-teams-webhook

import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { type ServerType, serve } from '@hono/node-server';
import { Hono } from 'hono';
import * as z from 'zod';
import { channelPage } from './channel-page.ts';

export type PostedCard = { readonly receivedAt: Date; readonly card: Readonly<Record<string, unknown>> };

/** What a flow was seen to do wrong: `lost` answers 202 and shows nothing, `throttled` 429, `failing` 500. */
export type ChannelFault = 'lost' | 'throttled' | 'failing';

export type TeamsChannel = {
  /** The page. */
  readonly url: string;
  /** TEAMS_WEBHOOK_URL; whoever has it can post. */
  readonly webhookUrl: string;
  /** Oldest first. */
  readonly cards: readonly PostedCard[];
  fault: ChannelFault | undefined;
  /** The address of the newest card's only link. */
  newestLink(): string | undefined;
  close(): Promise<void>;
};

const message = z.object({
  type: z.literal('message'),
  attachments: z
    .array(
      z.object({
        contentType: z.literal('application/vnd.microsoft.card.adaptive'),
        content: z.looseObject({
          type: z.literal('AdaptiveCard'),
          version: z.enum(['1.2', '1.3', '1.4', '1.5']),
        }),
      }),
    )
    .min(1),
});

/** Seen to fail from here on, though 28 KB are documented. */
const LIMIT_BYTES = 21_000;
const RENDERER = createRequire(import.meta.url).resolve('adaptivecards/dist/adaptivecards.min.js');

/** `signature` is what the address ends with; `port` must be free. */
export async function startTeamsChannel(
  port: number,
  { signature, now }: { readonly signature: string; readonly now: () => Date },
): Promise<TeamsChannel> {
  const cards: PostedCard[] = [];
  const url = `http://127.0.0.1:${port}`;
  const path = '/workflows/0a1b2c/triggers/manual/paths/invoke';
  const app = new Hono();
  const channel: TeamsChannel = {
    url,
    webhookUrl: `${url}${path}?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=${signature}`,
    cards,
    fault: undefined,
    newestLink: () => linkOf(cards.at(-1)?.card),
    close: () => closeServer(server),
  };

  app.post(path, async (context) => {
    if (context.req.query('sig') !== signature)
      return context.json({ error: { code: 'AuthorizationFailed' } }, 401);
    if (channel.fault === 'throttled') return context.text('', 429, { 'retry-after': '30' });
    if (channel.fault === 'failing') return context.text('', 500);
    const body = await context.req.text();
    const parsed = message.safeParse(JSON.parse(body));
    if (!parsed.success || Buffer.byteLength(body) > LIMIT_BYTES)
      return context.json({ error: { code: 'TriggerInputSchemaMismatch' } }, 400);
    if (channel.fault !== 'lost')
      for (const { content } of parsed.data.attachments) cards.push({ receivedAt: now(), card: content });
    return context.body(null, 202);
  });
  app.get('/', (context) => context.html(channelPage(cards)));
  app.get('/adaptivecards.js', (context) =>
    context.body(Readable.toWeb(createReadStream(RENDERER)) as ReadableStream, 200, {
      'content-type': 'text/javascript',
    }),
  );

  const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' });
  if (!server.listening) await once(server, 'listening');
  return channel;
}

function linkOf(card: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const [action] = (card?.actions ?? []) as readonly { readonly url?: string }[];
  return action?.url;
}

async function closeServer(server: ServerType): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  if ('closeAllConnections' in server) server.closeAllConnections();
  await closed;
}
