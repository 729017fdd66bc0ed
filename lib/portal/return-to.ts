// Where a person lands after signing in: only a page of the portal, because whoever writes the link writes this too
// (an open redirect makes our address the bait of somebody else's page). Pure.

export const HOME = '/dashboard';
export const SIGN_IN = '/dashboard/sign-in';
export const CALLBACK = '/dashboard/sign-in/callback';
export const SIGN_OUT = '/dashboard/sign-out';

/** It travels in a cookie, of which browsers keep 4096 bytes. */
const MAX_LENGTH = 1500;

/** `value` when it is a path of the portal, else its first page. */
export function localReturnTo(value: string | undefined): string {
  if (value === undefined || value.length > MAX_LENGTH || !/^\/dashboard(?![^/?])[!-~]*$/.test(value))
    return HOME;
  // Browsers read a backslash as a slash, and dot segments lead out.
  const url = URL.parse(value, 'https://portal.invalid');
  if (url === null || value.includes('\\') || url.origin !== 'https://portal.invalid') return HOME;
  const isPage = url.pathname === HOME || url.pathname.startsWith(`${HOME}/`);
  const isSignIn = url.pathname.startsWith(SIGN_IN) || url.pathname === SIGN_OUT;
  return isPage && !isSignIn ? url.pathname + url.search : HOME;
}

/** The sign-in that leads back to `path`. */
export function signInPath(path: string): string {
  return path === HOME ? SIGN_IN : `${SIGN_IN}?returnTo=${encodeURIComponent(path)}`;
}
