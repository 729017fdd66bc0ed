// Where a person lands after signing in: only a page of the portal or one of LiteLLM's behind it, because whoever writes
// the link writes this too (an open redirect makes our address the bait of somebody else's page). Pure.

export const HOME = '/dashboard';
export const SIGN_IN = '/dashboard/sign-in';
export const CALLBACK = '/dashboard/sign-in/callback';
export const SIGN_OUT = '/dashboard/sign-out';
/** Asked by nginx alone. */
export const UI_ACCESS = '/dashboard/ui-access';
/** LiteLLM's own pages, on the same host, open to whom UI_ACCESS lets in. */
export const UI = '/ui';

/** It travels in a cookie, of which browsers keep 4096 bytes. */
const MAX_LENGTH = 1500;

/** `value` when it is a path of the portal or of LiteLLM's pages, else the portal's first page. */
export function localReturnTo(value: string | undefined): string {
  if (value === undefined || value.length > MAX_LENGTH || !/^\/(?:dashboard|ui)(?![^/?])[!-~]*$/.test(value))
    return HOME;
  // Browsers read a backslash as a slash, and dot segments lead out.
  const url = URL.parse(value, 'https://portal.invalid');
  if (url === null || value.includes('\\') || url.origin !== 'https://portal.invalid') return HOME;
  const isPage = [HOME, UI].some((top) => url.pathname === top || url.pathname.startsWith(`${top}/`));
  const isOwnStep = url.pathname.startsWith(SIGN_IN) || [SIGN_OUT, UI_ACCESS].includes(url.pathname);
  return isPage && !isOwnStep ? url.pathname + url.search : HOME;
}

/** The sign-in that leads back to `path`. */
export function signInPath(path: string): string {
  return path === HOME ? SIGN_IN : `${SIGN_IN}?returnTo=${encodeURIComponent(path)}`;
}
