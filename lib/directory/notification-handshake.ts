// Microsoft's question whether an address wants its notifications, asked when a subscription is made or renewed: it
// wants its token back, decoded, as plain text, within ten seconds.

export type Handshake =
  | { readonly status: 'none' }
  | { readonly status: 'token'; readonly token: string }
  | { readonly status: 'invalid' };

/** Microsoft's own have a few hundred characters. */
const MAX_TOKEN_LENGTH = 2_048;

/** The validation token in a query string, decoded as a form is: '+' is a space. Never throws.
 *  https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation */
export function parseHandshake(queryString: string): Handshake {
  const token = new URLSearchParams(queryString).get('validationToken');
  if (token === null) return { status: 'none' };
  if (token === '' || token.length > MAX_TOKEN_LENGTH) return { status: 'invalid' };
  return { status: 'token', token };
}
