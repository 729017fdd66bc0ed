// The console's routes: one page, and one POST for each thing a person can do, which changes the world and comes
// back to the page. Everything from the browser is parsed here.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Context, Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import * as z from 'zod';
import {
  type EntraGroupId,
  type EntraUserId,
  parseEntraGroupId,
  parseEntraUserId,
} from '../../../lib/ids.ts';
import type { ConsoleActions } from './actions.ts';
import { FAULT_NAMES } from './fault-menu.ts';
import { type Links, type Message, renderPage } from './page.ts';
import type { ConsoleView } from './read-view.ts';
import { requireSameOrigin } from './same-origin.ts';

export type AppOptions = {
  readonly port: number;
  readonly actions: ConsoleActions;
  readonly readView: (selectedRunId: string | undefined) => Promise<ConsoleView>;
  readonly models: readonly string[];
  readonly about: { readonly litellm: string; readonly isFake: boolean };
};

const id = z.guid();
const owner = z.string().transform((value): { userId: EntraUserId; teamId: EntraGroupId } => {
  const [userId, teamId] = value.split('/');
  return { userId: parseEntraUserId(userId), teamId: parseEntraGroupId(teamId) };
});
const forms = {
  membership: z.object({ groupId: id, memberId: id, change: z.enum(['join', 'leave']) }),
  account: z.object({
    userId: id,
    enabled: z.enum(['true', 'false']).transform((value) => value === 'true'),
  }),
  rename: z.object({ userId: id, displayName: z.string().trim().min(1).max(80) }),
  call: z.object({ key: owner, model: z.string().max(100) }),
  replaceKey: z.object({ key: owner }),
  fault: z.object({ fault: z.enum(FAULT_NAMES), groupId: z.union([id, z.literal('')]) }),
  nothing: z.object({}),
};

export function createConsoleApp({ port, actions, readView, models, about }: AppOptions): Hono {
  const app = new Hono();
  let message: Message | undefined;
  app.use(requireSameOrigin(port));
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ['data:'],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
      // Under `no-referrer`, the default here, a form is sent with the origin `null`.
      referrerPolicy: 'same-origin',
      strictTransportSecurity: false, // it is http on this machine
    }),
  );

  app.onError((error, context) => {
    process.stderr.write(`Console: ${error.stack ?? error.message}\n`);
    return context.text('The console could not show this; its terminal says why.', 500);
  });
  app.get('/', async (context) => {
    context.header('cache-control', 'no-store');
    const { lastCall: call, chosenModel } = actions.state();
    const view = await readView(context.req.query('run'));
    return context.html(
      renderPage({ view, links: linksOf(context), message, call, models, chosenModel, about }),
    );
  });
  for (const [file, type] of [
    ['console.css', 'text/css'],
    ['console.js', 'text/javascript'],
  ] as const) {
    const content = readFileSync(join(import.meta.dirname, file), 'utf8');
    app.get(`/${file}`, (context) =>
      context.body(content, 200, { 'content-type': `${type}; charset=utf-8` }),
    );
  }

  function onPost<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    act: (form: z.output<Schema>) => Message | undefined | Promise<Message | undefined>,
  ): void {
    app.post(path, async (context) => {
      try {
        message = await act(schema.parse(await context.req.parseBody()));
      } catch (error) {
        message = {
          tone: 'bad',
          text: error instanceof z.ZodError ? 'The form was not understood.' : String(error),
        };
      }
      return context.redirect(returnAddress(context), 303);
    });
  }
  onPost('/membership', forms.membership, actions.changeMembership);
  onPost('/account', forms.account, actions.changeAccount);
  onPost('/rename', forms.rename, actions.rename);
  onPost('/sync', forms.nothing, actions.sync);
  onPost('/call', forms.call, actions.call);
  onPost('/replace-key', forms.replaceKey, actions.replaceKey);
  onPost('/faults', forms.fault, actions.injectFault);
  onPost('/faults/lose', forms.nothing, actions.loseNotifications);
  onPost('/faults/clear', forms.nothing, actions.clearFaults);
  return app;
}

function linksOf(context: Context): Links {
  const present = { run: context.req.query('run'), person: context.req.query('person') };
  return {
    personId: present.person,
    to: (choices) => addressOf('/', { ...present, ...choices }),
    action: (path, anchor) => addressOf(path, { ...present, anchor }),
  };
}

/** The page with the choices that the form was sent from. A new run is shown at once, so `run` goes after a sync. */
function returnAddress(context: Context): string {
  const { run, person, anchor } = context.req.query();
  const address = addressOf('/', { run: context.req.path === '/sync' ? undefined : run, person });
  return anchor === undefined ? address : `${address}#${encodeURIComponent(anchor)}`;
}

function addressOf(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
