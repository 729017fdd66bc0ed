// The frame of every page, and the headers that say what a browser may do with it: nothing but show it. No script
// at all, so that an injected one has no permission to run either.

import type { MiddlewareHandler } from 'hono';
import { html, raw } from 'hono/html';
import { secureHeaders } from 'hono/secure-headers';
import { csrfField } from './csrf.ts';
import { HOME, SIGN_OUT } from './return-to.ts';
import { nameOfRole } from './role.ts';
import type { Session } from './session.ts';
import { STYLE, STYLE_SOURCE } from './style.ts';

/** Text that html`` made: what was put into it is escaped. */
export type Markup = ReturnType<typeof html>;

export type Page = {
  readonly title: string;
  /** Whoever is signed in; their name, role and way out stand on top. */
  readonly session?: Session | undefined;
  readonly body: Markup;
};

export function renderPage({ title, session, body }: Page): Markup {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – LiteLLM control plane</title>
<link rel="icon" href="data:,"><style>${raw(STYLE)}</style></head>
<body>
<header><a href="${HOME}">LiteLLM control plane</a>${session === undefined ? '' : renderWho(session)}</header>
<main><h1>${title}</h1>
${body}</main>
</body></html>`;
}

function renderWho(session: Session): Markup {
  return html`<p>${session.name} <span class="quiet">(${nameOfRole(session.role)})</span></p>
<form method="post" action="${SIGN_OUT}">${csrfField(session)}<button>Sign out</button></form>`;
}

/** On every answer, also a refusal. */
export function pageHeaders(): MiddlewareHandler {
  const secure = secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: [STYLE_SOURCE],
      imgSrc: ['data:'],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      baseUri: ["'none'"],
    },
    referrerPolicy: 'no-referrer',
    xFrameOptions: 'DENY',
    // The names beside and below this host are not ours to decide about.
    strictTransportSecurity: 'max-age=31536000',
  });
  return async (context, next) => {
    await secure(context, next);
    context.header('cache-control', 'no-store');
  };
}
