// GET /v2/account, /v2/account/keys and /v2/sizes (digitalocean/openapi: account_get, sshKeys_list, sizes_list).

import { Hono } from 'hono';
import { answerPage } from './page.ts';
import type { CloudState } from './state.ts';

export function createAccountRoutes(state: CloudState): Hono {
  const app = new Hono();
  app.get('/account', (context) =>
    context.json({
      account: {
        droplet_limit: state.account.droplet_limit,
        floating_ip_limit: state.account.reserved_ip_limit,
        email: 'devops@example.com',
        uuid: 'b6fr89dbf6d9156cace5f3c78dc9851d957381ef',
        email_verified: true,
        status: state.account.status,
        status_message: '',
      },
    }),
  );
  app.get('/account/keys', (context) => answerPage(context, 'ssh_keys', state.sshKeys));
  app.get('/sizes', (context) =>
    answerPage(
      context,
      'sizes',
      state.sizes.map((size) => ({
        ...size,
        transfer: 5,
        price_hourly: size.price_monthly / 672,
        description: 'CPU-Optimized',
      })),
    ),
  );
  return app;
}
