// A browser in few words: keeps cookies by the rules of `__Host-`, follows nothing by itself, and posts forms with
// the headers of a browser.

import { expect } from 'vitest';

export type Send = (request: Request) => Response | Promise<Response>;

export type Visit = {
  readonly status: number;
  readonly headers: Headers;
  /** Where it leads, as an absolute address. */
  readonly location: string | undefined;
  readonly text: string;
};

export type Visitor = {
  readonly cookies: Map<string, string>;
  /** `target` is a path of the portal or an address. */
  get(target: string): Promise<Visit>;
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Record<string, string>,
  ): Promise<Visit>;
  /** Begins a sign-in and picks the account; gives the address that Microsoft leads back to. */
  goToMicrosoft(account: string, query?: Readonly<Record<string, string>>): Promise<string>;
  /** All of it; gives the answer of the callback. */
  signIn(account: string, query?: Readonly<Record<string, string>>): Promise<Visit>;
};

/** A visitor of the portal at `origin`, which `send` reaches; everything else is on the network. */
export function createVisitor(origin: string, send: Send): Visitor {
  const cookies = new Map<string, string>();

  async function visit(target: string, init: RequestInit): Promise<Visit> {
    const url = new URL(target, origin);
    const isPortal = url.origin === origin;
    const headers = new Headers(init.headers);
    if (isPortal && cookies.size > 0) {
      headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    }
    const request = new Request(url, { ...init, headers, redirect: 'manual' });
    const response = isPortal ? await send(request) : await fetch(request);
    if (isPortal) for (const line of response.headers.getSetCookie()) keep(cookies, line);
    const location = response.headers.get('location');
    return {
      status: response.status,
      headers: response.headers,
      location: location === null ? undefined : new URL(location, url).href,
      text: await response.text(),
    };
  }

  const visitor: Visitor = {
    cookies,
    get: (target) => visit(target, { method: 'GET' }),
    // `no-referrer` makes the Origin of a form `null`.
    post: (path, fields, headers = { origin: 'null', 'sec-fetch-site': 'same-origin' }) =>
      visit(path, { method: 'POST', body: new URLSearchParams(fields), headers }),
    async goToMicrosoft(account, query = {}) {
      const begun = await visitor.get(
        `/dashboard/sign-in?${new URLSearchParams({ ...query, login_hint: account })}`,
      );
      expect(begun.status).toBe(303);
      const picked = await visitor.get(begun.location ?? '');
      expect(picked.status, picked.text).toBe(302);
      return picked.location ?? '';
    },
    signIn: async (account, query) => visitor.get(await visitor.goToMicrosoft(account, query)),
  };
  return visitor;
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split('; ');
  const [name = '', value = ''] = pair.split(/=(.*)/s);
  // What a browser asks of a name with this prefix, else it drops the cookie.
  expect(name).toMatch(/^__Host-/);
  expect(attributes).toEqual(expect.arrayContaining(['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax']));
  expect(attributes.filter((attribute) => attribute.startsWith('Domain'))).toEqual([]);
  if (attributes.includes('Max-Age=0')) cookies.delete(name);
  else cookies.set(name, value);
}
