// Microsoft's pages as a person sees them while signing in, and without a password: a click is the person.

import { html } from 'hono/html';
import type { TenantUser } from './state.ts';

type Account = {
  readonly person: TenantUser;
  readonly href: string;
  readonly roles: readonly string[];
};

export function renderAccountPicker(accounts: readonly Account[]): string {
  const rows = accounts.map(
    ({ person, href, roles }) =>
      html`<li><a href="${href}">${person.displayName}</a> ${person.userPrincipalName}${roles.length === 0 ? '' : ` – ${roles.join(', ')}`}</li>`,
  );
  return render('Pick an account', html`<ul>${rows}</ul>`);
}

export function renderSignInError(number: number, message: string): string {
  return render('Sorry, but we’re having trouble signing you in', html`<p>AADSTS${number}: ${message}</p>`);
}

export function renderSignedOut(): string {
  return render(
    'You signed out of your account',
    html`<p>It’s a good idea to close all browser windows.</p>`,
  );
}

function render(title: string, body: ReturnType<typeof html>): string {
  return String(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title} – simulated Microsoft</title><link rel="icon" href="data:,"></head>
<body><h1>${title}</h1>
<p>This is the simulated tenant of the local world: no password is asked.</p>
${body}</body></html>`);
}
