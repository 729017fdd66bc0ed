// The portal's one stylesheet. It stands in the page, and its digest in the policy: a file of its own would cost an
// invocation of the 600 a minute that all functions share.

import { createHash } from 'node:crypto';

export const STYLE = `:root{color-scheme:light dark;--line:#8884;--accent:#0b5cad}
@media (prefers-color-scheme:dark){:root{--accent:#7ab8ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:0 1rem 3rem;font:1rem/1.5 system-ui,sans-serif}
header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;padding:.75rem 0;border-bottom:1px solid var(--line)}
header a{font-weight:600;color:inherit;text-decoration:none}
header p{margin:0 0 0 auto}
a{color:var(--accent)}
button{font:inherit;padding:.35rem .9rem;border:1px solid var(--line);border-radius:.35rem;cursor:pointer}
button.danger{border-color:#b3261e}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .5rem;border-bottom:1px solid var(--line)}
code{overflow-wrap:anywhere}
.quiet{opacity:.75}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}`;

/** As a source in the Content-Security-Policy. */
export const STYLE_SOURCE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;
